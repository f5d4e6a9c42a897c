"""What an operator does past Pulumi, with the simulated APIs: power, the cloud's firewall, the zone."""

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from sandbox import layout

_ALL = ("tcp", "udp", "icmp")


def _ask(method: str, path: str, body: object = None) -> Any:
    return _send("digitalocean", method, f"v2/{path}", body)


def _ask_cloudflare(method: str, path: str, body: object = None) -> Any:
    return _send("cloudflare", method, f"client/v4/{path}", body)["result"]


def _send(cloud: str, method: str, path: str, body: object) -> Any:
    token = json.loads((layout.STATE / "tokens.json").read_text())[cloud]
    response = httpx.request(
        method,
        f"http://{layout.API_ADDRESS}:{layout.API_PORT}/{path}",
        headers={"Authorization": f"Bearer {token}"},
        json=body,
        timeout=30,
    )
    assert response.is_success, response.text
    return response.json() if response.content else None


def act(droplet: str, kind: str, seconds: float = 180) -> None:
    """`reboot`, `power_off`, which cuts the power, or `power_cycle`, which gives it back at once; waits for the end."""
    _act(f"droplets/{droplet}", {"type": kind}, seconds)


def detach(volume: str, droplet: str, seconds: float = 60) -> None:
    """As by a slip in the control panel: from a machine that has it mounted; waits for the end."""
    _act(f"volumes/{volume}", {"type": "detach", "droplet_id": int(droplet)}, seconds)


def _act(what: str, body: dict[str, Any], seconds: float) -> None:
    action = _ask("POST", f"{what}/actions", body)["action"]
    deadline = time.monotonic() + seconds
    while action["status"] == "in-progress":
        assert time.monotonic() < deadline, f"{body} is not done after {seconds} s"
        time.sleep(0.2)
        action = _ask("GET", f"{what}/actions/{action['id']}")["action"]
    assert action["status"] == "completed", action


def delete(droplet: str, seconds: float = 60) -> None:
    """As by a slip in the control panel; waits until it is gone."""
    _ask("DELETE", f"droplets/{droplet}")
    deadline = time.monotonic() + seconds
    while any(str(each["id"]) == droplet for each in _ask("GET", "droplets")["droplets"]):
        assert time.monotonic() < deadline, f"the droplet is still there after {seconds} s"
        time.sleep(0.2)


def delete_volume(volume: str) -> None:
    """As by a slip in the control panel, when no droplet has it."""
    _ask("DELETE", f"volumes/{volume}")


def make_spaces_key(name: str, grant: Mapping[str, str]) -> Mapping[str, str]:
    """Its `access_key` and `secret_key`."""
    return _ask("POST", "spaces/keys", {"name": name, "grants": [dict(grant)]})["key"]


def delete_spaces_key(access_key: str) -> None:
    _ask("DELETE", f"spaces/keys/{access_key}")


def addresses(droplet: str) -> dict[str, str]:
    """The droplet's own, `public` and `private`."""
    networks = _ask("GET", f"droplets/{droplet}")["droplet"]["networks"]["v4"]
    return {network["type"]: network["ip_address"] for network in networks}


@contextlib.contextmanager
def firewall_wide_open(firewall: str) -> Iterator[None]:
    """For a while the cloud lets everything through, as if somebody had made a mistake there."""
    kept = _ask("GET", f"firewalls/{firewall}")["firewall"]
    body = {key: kept[key] for key in ("name", "droplet_ids", "tags", "inbound_rules", "outbound_rules")}
    everybody = {"addresses": ["0.0.0.0/0"]}
    opened = {
        "inbound_rules": [{"protocol": protocol, "ports": "all", "sources": everybody} for protocol in _ALL],
        "outbound_rules": [{"protocol": protocol, "ports": "all", "destinations": everybody} for protocol in _ALL],
    }
    _ask("PUT", f"firewalls/{firewall}", body | opened)
    try:
        yield
    finally:
        _ask("PUT", f"firewalls/{firewall}", body)


def change_record(name: str, content: str) -> None:
    """As by a slip in Cloudflare's dashboard: the only record of this name leads elsewhere."""
    (zone,) = _ask_cloudflare("GET", "zones")
    (record,) = _ask_cloudflare("GET", f"zones/{zone['id']}/dns_records?name={name}")
    _ask_cloudflare("PATCH", f"zones/{zone['id']}/dns_records/{record['id']}", {"content": content})


@contextlib.contextmanager
def ssl_mode(mode: str) -> Iterator[None]:
    """For a while the zone has this SSL mode."""
    (zone,) = _ask_cloudflare("GET", "zones")
    setting = f"zones/{zone['id']}/settings/ssl"
    before = _ask_cloudflare("GET", setting)["value"]
    _ask_cloudflare("PATCH", setting, {"value": mode})
    try:
        yield
    finally:
        _ask_cloudflare("PATCH", setting, {"value": before})


@contextlib.contextmanager
def droplet(name: str, public_key: str, seconds: float = 180) -> Iterator[tuple[str, str]]:
    """A droplet that somebody has made by hand, without a firewall: its id and its public address."""
    key = _ask("POST", "account/keys", {"name": name, "public_key": public_key})["ssh_key"]["id"]
    body = {"name": name, "region": "nyc3", "size": "s-2vcpu-4gb", "image": "debian-13-x64", "ssh_keys": [key]}
    made = str(_ask("POST", "droplets", body)["droplet"]["id"])
    try:
        deadline = time.monotonic() + seconds
        while _ask("GET", f"droplets/{made}")["droplet"]["status"] != "active":
            assert time.monotonic() < deadline, f"the droplet is not active after {seconds} s"
            time.sleep(0.5)
        yield made, addresses(made)["public"]
    finally:
        delete(made)
        _ask("DELETE", f"account/keys/{key}")


def records(*names: str) -> dict[str, list[str]]:
    """Where the A records of these names lead."""
    (zone,) = _ask_cloudflare("GET", "zones")
    return {
        name: [record["content"] for record in _ask_cloudflare("GET", f"zones/{zone['id']}/dns_records?name={name}")]
        for name in names
    }


def create_record(name: str, content: str) -> None:
    """As by hand in Cloudflare's dashboard."""
    (zone,) = _ask_cloudflare("GET", "zones")
    body = {"type": "A", "name": name, "content": content, "proxied": False, "ttl": 300}
    _ask_cloudflare("POST", f"zones/{zone['id']}/dns_records", body)
