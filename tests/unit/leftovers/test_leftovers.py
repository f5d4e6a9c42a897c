"""`python -m auren_infra leftovers` against the simulated APIs: what a state does not know is listed, and only that."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydo import Client

from auren_infra.__main__ import main
from tests.sandbox.clouds import resources
from tests.sandbox.clouds.machines import FakeHypervisor
from tests.sandbox.clouds.running import Clouds

NAME = "auren-prod"
PULUMI = """#!/bin/sh
case "$*" in
"stack --show-name"*) echo prod ;;
config*) cat "$PULUMI_SAYS/config" ;;
"stack export"*) cat "$PULUMI_SAYS/state" ;;
*) exit 98 ;;
esac
"""
CONFIG = {
    "auren:name": "",
    "auren:domain": "aupex.ai",
    "auren:cloudflareZone": "aupex.ai",
    "auren:region": "fra1",
    "auren:proxied": "true",
}
RULE = {"protocol": "tcp", "ports": "80", "sources": {"addresses": ["0.0.0.0/0"]}}


class Stack:
    """The clouds, and what the engine says of the stack prod."""

    def __init__(self, folder: Path, clouds: Clouds, capsys: pytest.CaptureFixture[str]) -> None:
        self.clouds, self.do, self._capsys = clouds, clouds.digitalocean(), capsys
        self.says = folder / "says"
        self.says.mkdir()
        (folder / "bin").mkdir()
        (folder / "bin/pulumi").write_text(PULUMI)
        (folder / "bin/pulumi").chmod(0o755)
        self.configured()
        self.knows()

    def configured(self, **changes: str) -> None:
        config = CONFIG | {f"auren:{key}": value for key, value in changes.items()}
        (self.says / "config").write_text(json.dumps({key: {"value": value} for key, value in config.items()}))

    def knows(self, *known: tuple[str, object], pending: Sequence[object] = (), deleted: bool = False) -> None:
        found = [{"type": kind, "id": str(id_), "urn": f"urn:{id_}", "delete": deleted} for kind, id_ in known]
        deployment = {"resources": found, "pending_operations": list(pending)}
        (self.says / "state").write_text(json.dumps({"deployment": deployment}))

    def leftovers(self, *arguments: str) -> tuple[int, list[str]]:
        status = main(["leftovers", *arguments])
        printed = self._capsys.readouterr()
        return status, (printed.out + printed.err).splitlines()

    def record(self, name: str, address: str) -> str:
        cf = self.clouds.cloudflare()
        (zone,) = cf.zones.list(name="aupex.ai")
        made = cf.dns.records.create(zone_id=zone.id, name=name, type="A", content=address, ttl=300)
        assert made is not None
        return made.id


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Stack]:
    clouds = Clouds(tmp_path / "clouds", FakeHypervisor())
    (tmp_path / "clouds").mkdir()
    clouds.start()
    monkeypatch.setenv("PULUMI_SAYS", str(tmp_path / "says"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DIGITALOCEAN_API_URL", clouds.url)
    monkeypatch.setenv("DIGITALOCEAN_TOKEN", clouds.tokens.digitalocean)
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", f"{clouds.url}/client/v4")
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", clouds.tokens.cloudflare)
    monkeypatch.setattr("urllib3.util.retry.time.sleep", lambda _seconds: None)
    yield Stack(tmp_path, clouds, capsys)
    clouds.stop()


def droplet(do: Client, **more: Any) -> dict[str, Any]:
    return resources.droplet(do, **{"name": NAME, "tags": [NAME]} | more)


def test_nothing_is_left_over_in_an_account_that_is_empty(stack: Stack) -> None:
    assert stack.leftovers("--stack", "prod") == (0, ["Nothing is left over."])
    assert stack.leftovers() == (0, ["Nothing is left over."])


def test_what_the_state_knows_is_not_left_over(stack: Stack) -> None:
    machine, disk = droplet(stack.do), resources.volume(stack.do, name=NAME)
    address = stack.do.reserved_ips.create({"region": "fra1"})["reserved_ip"]
    wall = stack.do.firewalls.create({"name": NAME, "inbound_rules": [RULE], "tags": [NAME]})["firewall"]
    key = stack.do.ssh_keys.create({"name": NAME, "public_key": resources.KEY})["ssh_key"]
    network = stack.do.vpcs.create({"name": NAME, "region": "fra1", "ip_range": "10.200.0.0/20"})["vpc"]
    record = stack.record("aupex.ai", "10.1.2.3")
    everything = (
        ("digitalocean:index/droplet:Droplet", machine["id"]),
        ("digitalocean:index/volume:Volume", disk["id"]),
        ("digitalocean:index/reservedIp:ReservedIp", address["ip"]),
        ("digitalocean:index/firewall:Firewall", wall["id"]),
        ("digitalocean:index/sshKey:SshKey", key["id"]),
        ("digitalocean:index/vpc:Vpc", network["id"]),
        ("cloudflare:index/dnsRecord:DnsRecord", record),
    )
    stack.knows(*everything)
    assert stack.leftovers() == (0, ["Nothing is left over."])
    for number in range(len(everything)):
        stack.knows(*everything[:number], *everything[number + 1 :])
        status, lines = stack.leftovers()
        assert (status, len(lines)) == (1, 1), everything[number]
        assert lines[0].startswith("Not part of the stack: the ")


def test_a_second_droplet_never_served_and_one_with_a_volume_is_in_use(stack: Stack) -> None:
    first = droplet(stack.do)
    status, (line,) = stack.leftovers()
    assert status == 1
    assert line.startswith(f"Not part of the stack: the droplet {NAME} ({first['id']}), created 20")
    assert line.endswith(
        " UTC, 24 USD a month. It has neither a volume nor a reserved IP, so it never served. "
        "Delete it in DigitalOcean's control panel."
    )
    disk = resources.volume(stack.do, name=NAME)
    stack.do.volume_actions.post_by_id(disk["id"], {"type": "attach", "droplet_id": first["id"], "region": "fra1"})
    _, (machine, volume) = stack.leftovers()
    for line in (machine, volume):
        assert "Delete it only when you know that nothing of it is needed." in line
        assert "docs/state.md" in line


def test_with_an_earlier_state_nothing_that_serves_is_to_be_deleted(stack: Stack) -> None:
    """The state knows nothing of it."""
    machine = droplet(stack.do)
    address = stack.do.reserved_ips.create({"droplet_id": machine["id"]})["reserved_ip"]["ip"]
    stack.do.firewalls.create({"name": NAME, "inbound_rules": [RULE], "tags": [NAME]})
    stack.record("aupex.ai", address)
    stack.record("www.aupex.ai", machine["networks"]["v4"][0]["ip_address"])
    stack.do.spaces_key.create({"name": f"{NAME}-backups", "grants": []})
    status, lines = stack.leftovers()
    assert (status, len(lines)) == (1, 5)
    assert [line for line in lines if "It is in use." not in line and "the machine uses it" not in line] == []
    stack.record("aupex.ai", "10.9.9.9")
    assert "with the address 10.9.9.9. Delete it at Cloudflare." in "".join(stack.leftovers()[1])


def test_a_droplet_of_somebody_else_with_the_stacks_tag_is_not_to_be_deleted(stack: Stack) -> None:
    droplet(stack.do, name="bastion")
    _, (line,) = stack.leftovers()
    assert line.endswith(f"It has the stack's tag, and so its firewall. Take the tag {NAME} away from it.")


def test_the_deploy_key_under_another_name_is_in_the_way(stack: Stack) -> None:
    made = stack.do.ssh_keys.create({"name": "ada", "public_key": resources.KEY})["ssh_key"]
    assert stack.leftovers()[0] == 0
    stack.configured(deployKey=" ".join([*resources.KEY.split()[:2], "another comment"]))
    _, (line,) = stack.leftovers()
    assert f"the SSH key ada ({made['id']}), which is auren:deployKey." in line


def test_what_is_still_to_be_deleted_is_known(stack: Stack) -> None:
    wall = stack.do.firewalls.create({"name": NAME, "inbound_rules": [RULE]})["firewall"]
    assert "unless another stack has made it" in stack.leftovers()[1][0]
    stack.knows(("digitalocean:index/firewall:Firewall", wall["id"]), deleted=True)
    assert stack.leftovers()[0] == 0


def test_a_stack_that_was_renamed_is_looked_for_by_the_name_in_its_state(stack: Stack) -> None:
    droplet(stack.do)
    stack.knows(("digitalocean:index/tag:Tag", NAME))
    assert stack.leftovers("--stack", "production")[0] == 1


def test_a_volume_that_is_attached_to_nothing_may_hold_data(stack: Stack) -> None:
    disk = resources.volume(stack.do, name=NAME)
    _, (line,) = stack.leftovers()
    assert f"the volume {NAME} ({disk['id']})" in line
    assert "may hold data. Delete it in DigitalOcean's control panel if an update was cut a moment after that." in line


def test_what_belongs_to_somebody_else_is_not_listed(stack: Stack) -> None:
    resources.droplet(stack.do, name=NAME)  # without the tag
    resources.volume(stack.do, name=f"{NAME}-other")
    resources.volume(stack.do, name=NAME, region="nyc3")
    stack.do.reserved_ips.create({"region": "nyc3"})
    mail = droplet(stack.do, name="mail", tags=[])
    stack.do.reserved_ips.create({"droplet_id": mail["id"]})
    stack.do.firewalls.create({"name": f"{NAME}-access-ada-until-20300101T000000Z", "inbound_rules": [RULE]})
    stack.record("mail.aupex.ai", "10.1.2.3")
    assert stack.leftovers() == (0, ["Nothing is left over."])


@pytest.mark.parametrize("kind", ["backups", "backups-owner", "restore"])
def test_a_second_key_of_a_bucket_is_listed(stack: Stack, kind: str) -> None:
    made = stack.do.spaces_key.create({"name": f"{NAME}-{kind}", "grants": []})["key"]
    _, (line,) = stack.leftovers()
    assert f"the Spaces key {NAME}-{kind} ({made['access_key']})" in line


def test_a_name_and_a_domain_of_ones_own_count(stack: Stack) -> None:
    stack.configured(name="health", domain="app.aupex.ai", proxied="false")
    droplet(stack.do, name="health", tags=["health"])
    stack.record("www.app.aupex.ai", "10.1.2.3")
    droplet(stack.do)
    _, lines = stack.leftovers()
    assert [line.split(" (")[0].split(" with")[0] for line in lines] == [
        "Not part of the stack: the droplet health",
        "Not part of the stack: the DNS record www.app.aupex.ai",
    ]
    stack.configured(name="health", domain="app.aupex.ai")
    assert len(stack.leftovers()[1]) == 1, "the program makes no such record for a proxied domain below the zone"


def test_during_an_update_what_it_creates_is_listed_as_well(stack: Stack) -> None:
    stack.knows(pending=[{"type": "creating"}])
    status, lines = stack.leftovers()
    assert status == 0
    assert "An update of this stack is running, or was cut." in lines[1]


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("DIGITALOCEAN_TOKEN", "", "error: DIGITALOCEAN_TOKEN is not set. It needs the scopes droplet:read, "),
        ("DIGITALOCEAN_TOKEN", "dop_v1_0", "error: DigitalOcean does not know this token"),
        ("CLOUDFLARE_API_TOKEN", "", "error: CLOUDFLARE_API_TOKEN is not set."),
        ("CLOUDFLARE_API_TOKEN", "0" * 40, "error: Set CLOUDFLARE_API_TOKEN to one that may read the zone"),
        ("CLOUDFLARE_API_TOKEN", "pasted…", "error: CLOUDFLARE_API_TOKEN is no token: it has blanks, or"),
        ("DIGITALOCEAN_TOKEN", "two words", "error: DIGITALOCEAN_TOKEN is no token: it has blanks, or"),
    ],
)
def test_a_cloud_that_cannot_be_asked_is_no_finding(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.delenv("DIGITALOCEAN_ACCESS_TOKEN", raising=False)
    monkeypatch.setenv(variable, value)
    status, (line,) = stack.leftovers()
    assert (status, line[: len(said)]) == (2, said)
    assert not value or value not in line


def test_a_token_with_a_line_end_is_taken_without_it(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """As from a file."""
    for name in ("DIGITALOCEAN_TOKEN", "CLOUDFLARE_API_TOKEN"):
        monkeypatch.setenv(name, f"{os.environ[name]}\n")
    assert stack.leftovers()[0] == 0


@pytest.mark.parametrize("zones", [[], [{"name": "aupex.ai", "status": "pending", "account": "Agency"}]], ids=len)
def test_a_zone_that_the_token_does_not_see_is_not_taken_for_empty(stack: Stack, zones: list[dict[str, str]]) -> None:
    (zone,) = stack.clouds.cloudflare().zones.list()
    with stack.clouds.raw() as http:
        http.delete(f"/_sandbox/zones/{zone.id}").raise_for_status()
        for each in zones:
            http.post("/_sandbox/zones", json=each).raise_for_status()
    said = "error: Cloudflare shows this token no active zone aupex.ai: its records were not looked at."
    assert stack.leftovers() == (2, [said])


def test_a_cloud_that_is_out_of_order_and_a_state_that_cannot_be_read_are_no_findings(stack: Stack) -> None:
    with stack.clouds.raw() as http:
        http.post("/_sandbox/faults", json={"path": "/zones", "status": 500, "times": 9}).raise_for_status()
    status, (line,) = stack.leftovers()
    assert status == 2
    assert line.startswith("error: Cloudflare answered GET zones?name=aupex.ai")
    (stack.says / "state").write_text("[]")
    status, (line,) = stack.leftovers()
    assert (status, line[:46]) == (2, "error: The state or a cloud tells otherwise th")


def test_all_pages_of_a_zone_are_read(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auren_infra.apis.cloudflare._PER_PAGE", 5)
    for number in range(7):
        stack.record("aupex.ai", f"10.1.2.{number}")
    _, lines = stack.leftovers()
    assert len(lines) == 7
