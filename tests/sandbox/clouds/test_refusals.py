"""What the real DigitalOcean API refuses is refused here: the status, the id, and the words that clients look for."""

from typing import Any

import pytest
from pydo import Client

from tests.sandbox.clouds.resources import KEY, action_done, droplet, volume
from tests.sandbox.clouds.running import Clouds, eventually
from tests.sandbox.clouds.test_account import OUTBOUND, firewall, rule

DROPLET = {"name": "a", "region": "fra1", "size": "s-1vcpu-1gb", "image": "debian-12-x64"}
VOLUME = {"name": "b", "region": "fra1", "size_gigabytes": 1}
WALL = {"name": "wall", "inbound_rules": [rule()], "outbound_rules": OUTBOUND}
VPC = {"name": "v", "region": "fra1"}

BODIES: list[tuple[str, dict[str, Any], int, str]] = [
    ("droplets", DROPLET | {"colour": "red"}, 422, "colour is not a known field"),
    ("droplets", {"name": "a", "region": "fra1", "image": "debian-12-x64"}, 422, "size is required"),
    ("droplets", DROPLET | {"name": 5}, 422, "name is invalid"),
    ("droplets", DROPLET | {"name": "under_score"}, 422, "Only valid hostname characters are allowed"),
    ("droplets", DROPLET | {"name": "", "names": []}, 422, "name or names is required"),
    ("droplets", DROPLET | {"region": "moon1"}, 422, "You specified an invalid region for Droplet creation."),
    ("droplets", DROPLET | {"size": "s-9vcpu"}, 422, "You specified an invalid size for Droplet creation."),
    (
        "droplets",
        DROPLET | {"region": "blr1", "size": "m-2vcpu-16gb"},
        422,
        "Size is not available in this region.",
    ),
    ("droplets", DROPLET | {"image": "windows"}, 422, "You specified an invalid image for Droplet creation."),
    (
        "droplets",
        DROPLET | {"ssh_keys": [7, "aa:bb"]},
        422,
        "7, aa:bb are invalid key identifiers for Droplet creation.",
    ),
    ("droplets", DROPLET | {"user_data": "x" * 65537}, 422, "User data is limited to 64KiB."),
    ("droplets", DROPLET | {"ipv6": True}, 422, "IPv6 is not available"),
    ("droplets", DROPLET | {"vpc_uuid": "nope"}, 404, "could not be found"),
    ("droplets", DROPLET | {"volumes": ["nope"]}, 422, "volume not found"),
    ("droplets", DROPLET | {"backup_policy": {"plan": "daily"}}, 422, "backup_policy requires backups"),
    ("droplets", DROPLET | {"tags": ["no spaces"]}, 422, "is invalid"),
    ("volumes", VOLUME | {"name": "Upper"}, 422, "invalid name"),
    ("volumes", VOLUME | {"name": "data"}, 409, "already exists"),
    ("volumes", VOLUME | {"size_gigabytes": 0}, 422, "size_gigabytes must be between"),
    ("volumes", VOLUME | {"size_gigabytes": "10"}, 422, "size_gigabytes is invalid"),
    ("volumes", VOLUME | {"region": ""}, 422, "invalid region"),
    ("volumes", VOLUME | {"filesystem_type": "zfs"}, 422, "filesystem_type is invalid"),
    ("volumes", VOLUME | {"filesystem_type": "xfs", "filesystem_label": "x" * 13}, 422, "filesystem_label is too long"),
    ("volumes", VOLUME | {"snapshot_id": "x"}, 422, "snapshot not found"),
    ("account/keys", {"name": "x", "public_key": "not a key"}, 422, "Key invalid"),
    ("account/keys", {"name": "x", "public_key": KEY}, 422, "SSH Key is already in use on your account"),
    ("account/keys", {"name": " ", "public_key": KEY}, 422, "Name can't be blank"),
    ("vpcs", VPC | {"name": "auren"}, 409, "already exists"),
    ("vpcs", VPC | {"name": "a b"}, 422, "name must be"),
    ("vpcs", VPC | {"ip_range": "10.20.0.128/25"}, 422, "This range/size overlaps with another VPC network"),
    ("vpcs", VPC | {"ip_range": "8.8.8.0/24"}, 422, "RFC 1918"),
    ("vpcs", VPC | {"ip_range": "10.30.0.0/29"}, 422, "between /16 and /28"),
    ("vpcs", VPC | {"ip_range": "10.30.0.1/24"}, 422, "CIDR"),
    ("vpcs", VPC | {"ip_range": "10.19.4.0/24"}, 422, "reserved by DigitalOcean"),
    ("firewalls", WALL | {"name": "taken"}, 409, "duplicate name"),
    ("firewalls", WALL | {"name": "a b"}, 422, "name must start"),
    ("firewalls", WALL | {"name": "a_b"}, 422, "name must start"),
    ("firewalls", WALL | {"name": "-a"}, 422, "name must start"),
    ("firewalls", WALL | {"name": "a"}, 422, "name must start"),
    ("firewalls", WALL | {"inbound_rules": None, "outbound_rules": []}, 422, "at least one inbound or outbound rule"),
    ("firewalls", WALL | {"inbound_rules": [rule("0-99999")]}, 422, "between 1 and 65535"),
    ("firewalls", WALL | {"inbound_rules": [rule("http")]}, 422, "must be a single port"),
    ("firewalls", WALL | {"inbound_rules": [rule("1", "sctp")]}, 422, "inbound_rules.0.protocol is invalid"),
    ("firewalls", WALL | {"inbound_rules": [rule(addresses=["300.0.0.1"])]}, 422, "neither an IP address nor a CIDR"),
    ("firewalls", WALL | {"inbound_rules": [rule(addresses=[])]}, 422, "at least one source"),
    ("firewalls", WALL | {"inbound_rules": [rule(str(port)) for port in range(1, 52)]}, 422, "at most 50 rules"),
    ("firewalls", WALL | {"droplet_ids": [1]}, 422, "droplet 1 was not found"),
    ("firewalls", WALL | {"tags": list("abcdef")}, 422, "at most 5 tags"),
    ("firewalls", WALL | {"tags": ["unheard-of"]}, 422, "tag unheard-of does not exist"),
    ("firewalls", WALL | {"inbound_rules": [rule(tags=["unheard-of"])]}, 422, "tag unheard-of does not exist"),
    ("firewalls", WALL | {"inbound_rules": [rule(addresses=["10.0.0.1"] * 1001)]}, 422, "at most 1000 addresses"),
    ("reserved_ips", {}, 422, "either region or droplet_id is required"),
    ("reserved_ips", {"region": "moon1"}, 422, "invalid region"),
    ("reserved_ips", {"droplet_id": 1}, 422, "Droplet not found"),
    ("tags", {"name": "no spaces"}, 422, "is invalid"),
    ("projects", {"name": "first-project", "purpose": "x"}, 409, "already in use"),
]


@pytest.fixture
def account(do: Client) -> Client:
    """An account that has one of what would collide."""
    volume(do)
    do.ssh_keys.create({"name": "deploy", "public_key": KEY})
    do.vpcs.create({"name": "auren", "region": "fra1", "ip_range": "10.20.0.0/24"})
    firewall(do, name="taken")
    return do


def test_bodies_that_are_refused(account: Client, clouds: Clouds) -> None:
    wrong: list[str] = []
    with clouds.raw() as http:
        for path, body, status, message in BODIES:
            answer = http.post(f"/v2/{path}", json=body)
            if (answer.status_code, message in answer.json().get("message", "")) != (status, True):
                wrong.append(f"{path} {body}: {answer.status_code} {answer.text}, not {status} {message}")
            elif answer.json()["request_id"] != answer.headers["x-request-id"]:
                wrong.append(f"{path} {body}: no request id")
    assert wrong == []
    assert (account.droplets.list()["meta"]["total"], account.volumes.list()["meta"]["total"]) == (0, 1)


def test_states_that_are_refused(do: Client, clouds: Clouds) -> None:
    """Each step that the present state of the droplet, the volume or the address does not allow."""
    here, there = droplet(do, name="here"), droplet(do, name="there")
    elsewhere = droplet(do, name="elsewhere", region="nyc3")
    disk, other = volume(do), volume(do, name="other")
    attach = do.volume_actions.post_by_id(disk["id"], {"type": "attach", "droplet_id": here["id"]})
    action_done(do, attach)
    reserved = do.reserved_ips.create({"region": "fra1"})["reserved_ip"]["ip"]
    vpc = do.vpcs.get(here["vpc_uuid"])["vpc"]
    machine, disks, address = (
        f"droplets/{here['id']}/actions",
        f"volumes/{disk['id']}/actions",
        f"reserved_ips/{reserved}",
    )
    second = f"volumes/{other['id']}/actions"
    cases: list[tuple[str, str, dict[str, Any] | None, int, str]] = [
        ("POST", machine, {"type": "power_on"}, 422, "Droplet is already powered on."),
        ("POST", machine, {"type": "resize", "size": "s-4vcpu-8gb"}, 422, "Droplet is currently on."),
        ("POST", machine, {"type": "resize", "size": "huge"}, 422, "invalid size"),
        ("POST", machine, {"type": "rename", "name": "a_b"}, 422, "Only valid hostname characters"),
        ("POST", machine, {"type": "rename"}, 422, "name is required"),
        ("POST", machine, {"type": "explode"}, 422, "type is invalid"),
        ("POST", machine, {}, 422, "type is required"),
        ("POST", machine, {"type": "enable_ipv6"}, 422, "IPv6 is not available"),
        ("POST", machine, {"type": "rebuild", "image": "debian-12-x64"}, 422, "not available"),
        ("POST", machine, {"type": "change_backup_policy"}, 422, "Backups are not enabled"),
        ("POST", disks, {"type": "attach", "droplet_id": there["id"]}, 422, "This volume is already attached"),
        ("POST", disks, {"type": "detach", "droplet_id": there["id"]}, 422, "Attachment not found"),
        ("POST", disks, {"type": "resize", "size_gigabytes": 5}, 422, "can not be shrunk"),
        ("POST", disks, {"type": "resize", "size_gigabytes": 20, "region": "nyc3"}, 422, "region does not match"),
        ("POST", second, {"type": "attach", "droplet_id": elsewhere["id"]}, 422, "same region"),
        ("POST", second, {"type": "attach", "droplet_id": 1}, 422, "Droplet not found"),
        ("DELETE", f"volumes/{disk['id']}", None, 409, "Please detach it first before deleting."),
        ("DELETE", f"vpcs/{vpc['id']}", None, 403, "Can not delete default VPCs"),
        ("POST", f"{address}/actions", {"type": "assign", "droplet_id": elsewhere["id"]}, 422, "same region"),
        ("POST", f"{address}/actions", {"type": "unassign"}, 422, "not assigned"),
        ("GET", "droplets/1", None, 404, "could not be found"),
        ("GET", "droplets/words", None, 404, "could not be found"),
        ("GET", "volumes/nope", None, 404, "could not be found"),
        ("GET", f"droplets/{here['id']}/actions/{attach['action']['id']}", None, 404, "could not be found"),
        ("GET", "nothing/here", None, 404, "could not be found"),
        ("GET", "tags?page=0", None, 400, "page must be a positive number"),
        ("PATCH", "droplets", {}, 405, ""),
    ]  # fmt: skip
    wrong: list[str] = []
    with clouds.raw() as http:
        for method, path, body, status, message in cases:
            answer = http.request(method, f"/v2/{path}", json=body)
            if answer.status_code != status or message not in answer.json()["message"]:
                wrong.append(f"{method} {path} {body}: {answer.status_code} {answer.text}, not {status} {message}")
    assert wrong == []


def test_a_vpc_with_members_stays(do: Client, clouds: Clouds) -> None:
    own = do.vpcs.create({"name": "auren", "region": "fra1"})["vpc"]
    made = droplet(do, vpc_uuid=own["id"])
    with clouds.raw() as http:
        refused = http.delete(f"/v2/vpcs/{own['id']}")
        assert (refused.status_code, refused.json()["message"]) == (403, "Can not delete VPC with members")
        do.droplets.destroy(made["id"])
        eventually(lambda: http.delete(f"/v2/vpcs/{own['id']}").status_code == 204)


def test_sizes_that_do_not_fit(do: Client, clouds: Clouds) -> None:
    made = droplet(do)
    action_done(do, do.droplet_actions.post(made["id"], {"type": "power_off"}))
    with clouds.raw() as http:
        path = f"/v2/droplets/{made['id']}/actions"
        for body, message in (
            ({"type": "resize", "size": "s-1vcpu-1gb"}, "smaller disk"),
            ({"type": "resize", "size": "s-2vcpu-4gb"}, "already the requested size"),
            ({"type": "power_off"}, "Droplet is already powered off."),
            ({"type": "reboot"}, "Droplet is currently powered off."),
        ):
            answer = http.post(path, json=body)
            assert (answer.status_code, message in answer.json()["message"]) == (422, True), answer.text


def test_fifteen_volumes_fit_a_droplet(do: Client, clouds: Clouds) -> None:
    disks = [volume(do, name=f"disk-{number}")["id"] for number in range(16)]
    made = droplet(do, volumes=disks[:15])
    with clouds.raw() as http:
        answer = http.post(f"/v2/volumes/{disks[15]}/actions", json={"type": "attach", "droplet_id": made["id"]})
    assert (answer.status_code, answer.json()["message"]) == (422, "cannot attach more volumes to the Droplet")


def test_a_droplet_has_one_reserved_ip(do: Client, clouds: Clouds) -> None:
    made = droplet(do)
    first, second = (do.reserved_ips.create({"region": "fra1"})["reserved_ip"]["ip"] for _ in range(2))
    assign = {"type": "assign", "droplet_id": made["id"]}
    action_done(do, do.reserved_ips_actions.post(first, assign))
    with clouds.raw() as http:
        answer = http.post(f"/v2/reserved_ips/{second}/actions", json=assign)
    assert (answer.status_code, "already has a reserved IP" in answer.text) == (422, True)


@pytest.mark.parametrize("body", [b"{", b"[]", b""])
def test_bodies_that_are_no_objects(clouds: Clouds, body: bytes) -> None:
    with clouds.raw() as http:
        answer = http.post("/v2/volumes", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.json()["id"] in ("bad_request", "unprocessable_entity")
