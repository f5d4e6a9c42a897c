"""The digitalocean plugin against the simulated API, by way of the official SDK and the real engine."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydo import Client

from sandbox.droplets.hypervisor import Power
from tests.sandbox.clouds.machines import FakeHypervisor
from tests.sandbox.clouds.resources import droplet
from tests.sandbox.clouds.running import Clouds
from tests.sandbox.engine.project import Project
from tests.sandbox.plugins.clouds import project_in, running_clouds

HEAD = """
import pulumi
import pulumi_digitalocean as do
"""
STACK = (
    HEAD
    + """
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4d5wf7pXJ0uhcfPWbhRpDMEYwdNTRqPpZ0JY6sVrMZ deploy"
vpc = do.Vpc("vpc", name="auren", region="fra1", ip_range="10.20.0.0/24", description="AUREN")
key = do.SshKey("key", public_key=KEY)
tag = do.Tag("tag", name="auren")
droplet = do.Droplet(
    "droplet", name="auren-1", region="fra1", size="s-2vcpu-4gb", image="ubuntu-22-04-x64", vpc_uuid=vpc.id,
    ssh_keys=[key.id], tags=[tag.name], monitoring=True, user_data="#cloud-config\\n# {user_data}\\n",
)
volume = do.Volume("data", name="auren-data", region="fra1", size={volume_size}, tags=["data"])
attachment = do.VolumeAttachment("attachment", droplet_id=droplet.id.apply(int), volume_id=volume.id)
address = do.ReservedIp("address", region="fra1")
assignment = do.ReservedIpAssignment("assignment", droplet_id=droplet.id.apply(int), ip_address=address.ip_address)
firewall = do.Firewall(
    "firewall",
    droplet_ids=[droplet.id.apply(int)],
    inbound_rules=[
        do.FirewallInboundRuleArgs(protocol="tcp", port_range="{port}", source_addresses=["0.0.0.0/0", "::/0"]),
        do.FirewallInboundRuleArgs(protocol="icmp", source_addresses=["0.0.0.0/0"]),
    ],
    outbound_rules=[
        do.FirewallOutboundRuleArgs(protocol="tcp", port_range="all", destination_addresses=["0.0.0.0/0"]),
    ],
)
project = do.Project("project", name="auren", resources=[droplet.droplet_urn, volume.volume_urn])
pulumi.export("ip", droplet.ipv4_address)
pulumi.export("reserved", address.ip_address)
pulumi.export("droplet", droplet.id)
pulumi.export("firewall", firewall.name)
"""
)
DROPLET = (
    HEAD
    + """
droplet = do.Droplet("d", name="{name}", region="fra1", size="{size}", image="debian-12-x64", tags={tags},
    resize_disk=False, graceful_shutdown=True)
pulumi.export("price", droplet.price_monthly)
pulumi.export("droplet", droplet.id)
"""
)
PROJECT = (
    HEAD
    + """
one = do.Tag("one", name="one")
ip = do.ReservedIp("ip", region="fra1")
other = do.ReservedIp("other", region="fra1")
project = do.Project("p", name="{name}", environment="Production")
members = do.ProjectResources("m", project=project.id, resources=[{resources}])
"""
)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Clouds, FakeHypervisor]]:
    clouds, machines = running_clouds(tmp_path_factory.mktemp("clouds"))
    yield clouds, machines
    machines.hold.set()
    clouds.stop()


@pytest.fixture(scope="module")
def project(cloud: tuple[Clouds, FakeHypervisor], tmp_path_factory: pytest.TempPathFactory) -> Project:
    return project_in(cloud[0], tmp_path_factory.mktemp("project"))


@pytest.fixture
def do(cloud: tuple[Clouds, FakeHypervisor]) -> Client:
    return cloud[0].digitalocean()


@pytest.fixture
def machines(cloud: tuple[Clouds, FakeHypervisor]) -> FakeHypervisor:
    return cloud[1]


@pytest.fixture(autouse=True)
def clean(cloud: tuple[Clouds, FakeHypervisor], project: Project) -> Iterator[None]:
    yield
    with cloud[0].raw() as http:
        http.delete("/_sandbox/faults")
    project.run("destroy", "--yes", "--skip-preview")


def stack(*, port: str = "443", volume_size: int = 10, user_data: str = "first") -> str:
    return STACK.format(port=port, volume_size=volume_size, user_data=user_data)


def fail_next(clouds: Clouds, path: str, status: int, times: int) -> None:
    with clouds.raw() as http:
        answer = http.post("/_sandbox/faults", json={"path": path, "status": status, "times": times})
        assert answer.status_code == 201, answer.text


def test_a_whole_stack_lives(project: Project, do: Client, machines: FakeHypervisor) -> None:
    project.write(stack())
    assert "11 to create" in project.run("preview")
    assert do.droplets.list()["meta"]["total"] == 0
    project.up()
    outputs = project.outputs()
    droplet = do.droplets.get(int(outputs["droplet"]))["droplet"]
    assert droplet["status"] == "active"
    assert machines.powers[droplet["id"]] is Power.ACTIVE
    assert {network["ip_address"] for network in droplet["networks"]["v4"]} >= {outputs["ip"]}
    assert do.reserved_ips.get(outputs["reserved"])["reserved_ip"]["droplet"]["id"] == droplet["id"]
    assert do.volumes.list()["volumes"][0]["droplet_ids"] == [droplet["id"]]
    assert re.fullmatch("firewall-[0-9a-f]{7}", outputs["firewall"])
    ports = {rule.get("ports") for rule in do.firewalls.list()["firewalls"][0]["inbound_rules"]}
    assert "443" in ports

    project.run("preview", "--expect-no-changes")
    shown = project.run("preview", "--refresh", "--diff", "--expect-no-changes")
    assert "error" not in shown

    project.write(stack(port="8443", volume_size=20))
    diff = project.run("preview", "--diff")
    assert '"443" => "8443"' in diff
    assert "size: 10 => 20" in diff
    assert "2 to update" in diff
    project.up()
    assert do.volumes.list()["volumes"][0]["size_gigabytes"] == 20
    assert do.droplets.get(droplet["id"])["droplet"]["id"] == droplet["id"]

    project.write(stack(port="8443", volume_size=5))
    assert "can only be expanded and not shrunk" in project.run("preview", fails=True)


def test_a_replaced_droplet_takes_its_volume_and_address_with_it(project: Project, do: Client) -> None:
    project.write(stack())
    project.up()
    before = project.outputs()
    project.write(stack(user_data="second"))
    preview = project.run("preview", "--diff")
    assert "# first" in preview
    assert "# second" in preview
    shown = project.up()
    after = project.outputs()
    assert after["droplet"] != before["droplet"]
    assert after["reserved"] == before["reserved"]
    assert shown.index("droplet deleting original") < shown.index("droplet creating replacement"), "the name is given"
    assert do.volumes.list()["volumes"][0]["droplet_ids"] == [int(after["droplet"])]
    holder = do.reserved_ips.get(after["reserved"])["reserved_ip"]["droplet"]
    assert holder["id"] == int(after["droplet"])
    project.run("preview", "--expect-no-changes")


def test_a_droplet_is_changed_in_place(project: Project, do: Client, machines: FakeHypervisor) -> None:
    project.write(DROPLET.format(name="small", size="s-1vcpu-1gb", tags=["a", "b"]))
    project.up()
    outputs = project.outputs()
    assert outputs["price"] == 6
    project.write(DROPLET.format(name="large", size="s-2vcpu-2gb", tags=["b", "c"]))
    project.up()
    changed = do.droplets.get(int(outputs["droplet"]))["droplet"]
    assert (changed["name"], changed["size_slug"], set(changed["tags"])) == ("large", "s-2vcpu-2gb", {"b", "c"})
    assert changed["disk"] == 25, "resize_disk is off"
    assert machines.powers[changed["id"]] is Power.ACTIVE, "it is powered on again"
    assert project.outputs()["price"] == 18


def test_a_droplet_is_looked_up_by_its_id(project: Project, do: Client) -> None:
    program = DROPLET.format(name="small", size="s-1vcpu-1gb", tags=["a"])
    project.write(program)
    project.up()
    droplet = project.outputs()["droplet"]
    look_up = "found = do.get_droplet(id={droplet})\nfor name in {names}: pulumi.export(name, getattr(found, name))\n"
    names = ["id", "name", "status", "image", "urn", "tags", "ipv4_address"]
    do.droplet_actions.post(int(droplet), {"type": "power_off"})
    project.write(program + look_up.format(droplet=droplet, names=names))
    project.up()
    found = {name: value for name, value in project.outputs().items() if name in names}
    address = found.pop("ipv4_address")
    assert address in {each["ip_address"] for each in do.droplets.get(int(droplet))["droplet"]["networks"]["v4"]}
    assert found == {
        "id": int(droplet),
        "name": "small",
        "status": "off",
        "image": "debian-12-x64",
        "urn": f"do:droplet:{droplet}",
        "tags": ["a"],
    }
    project.write(HEAD + "do.get_droplet(id=1)")
    assert re.search(r"GET http://\S+/v2/droplets/1: 404 \(request", project.run("preview", fails=True))


def test_a_refused_resize_leaves_the_droplet_running(project: Project, machines: FakeHypervisor, do: Client) -> None:
    project.write(DROPLET.format(name="small", size="s-1vcpu-1gb", tags=[]))
    project.up()
    droplet = int(project.outputs()["droplet"])
    machines.broken.add("resize_droplet")
    project.write(DROPLET.format(name="small", size="s-2vcpu-2gb", tags=[]))
    shown = project.up(fails=True)
    machines.broken.clear()
    assert f"Error resizing droplet ({droplet})" in shown
    assert do.droplets.get(droplet)["droplet"]["status"] == "active"
    project.up()
    assert do.droplets.get(droplet)["droplet"]["size_slug"] == "s-2vcpu-2gb"


def test_a_droplet_that_does_not_boot_is_an_error_and_is_not_forgotten(
    project: Project, machines: FakeHypervisor, do: Client
) -> None:
    machines.broken.add("create_droplet")
    project.write(DROPLET.format(name="small", size="s-1vcpu-1gb", tags=[]))
    shown = project.up(fails=True)
    machines.broken.clear()
    assert "unexpected state 'off', wanted target 'active'" in shown
    (made,) = do.droplets.list()["droplets"]
    assert project.resource("d")["id"] == str(made["id"])


def test_a_busy_or_broken_api_is_waited_out_within_bounds(
    project: Project, cloud: tuple[Clouds, FakeHypervisor]
) -> None:
    project.write(HEAD + 'do.Tag("t", name="t")')
    fail_next(cloud[0], "/tags", 503, 2)
    fail_next(cloud[0], "/tags", 429, 1)
    project.up()
    project.run("destroy", "--yes", "--skip-preview")
    fail_next(cloud[0], "/tags", 500, 5)
    shown = project.up(fails=True)
    assert re.search(r"POST http://127.0.0.1:\d+/v2/tags: 500 .*; giving up after 5 attempt\(s\)", shown), shown


def test_a_refusal_names_the_request_and_the_reason(project: Project) -> None:
    project.write(HEAD + 'do.Droplet("d", region="fra1", size="s-1vcpu-1gb", image="windows-98")')
    shown = project.up(fails=True)
    assert re.search(r"Error creating droplet: POST http://\S+/v2/droplets: 422 \(request \"[^\"]+\"\) .*image", shown)


def test_a_wrong_token_is_refused(project: Project) -> None:
    wrong = Project(project.folder, project.environment | {"DIGITALOCEAN_TOKEN": "dop_v1_" + "0" * 64})
    wrong.write(HEAD + 'do.Tag("t", name="t")')
    assert "401" in wrong.up(fails=True)


def test_a_project_holds_what_it_is_given(project: Project, do: Client) -> None:
    project.write(PROJECT.format(name="first", resources="ip.reserved_ip_urn"))
    project.up()
    (mine,) = [each for each in do.projects.list()["projects"] if not each["is_default"]]

    def held() -> set[Any]:
        return {each["urn"] for each in do.projects.list_resources(mine["id"])["resources"]}

    assert len(held()) == 1
    first = held()
    project.write(PROJECT.format(name="second", resources="other.reserved_ip_urn"))
    project.up()
    assert len(held()) == 1
    assert held() != first
    assert do.projects.get(mine["id"])["project"]["name"] == "second"
    project.run("preview", "--refresh", "--expect-no-changes")


def test_what_is_gone_already_can_be_destroyed(project: Project, do: Client) -> None:
    project.write(stack())
    project.up()
    outputs = project.outputs()
    do.firewalls.delete(do.firewalls.list()["firewalls"][0]["id"])
    do.droplets.destroy(int(outputs["droplet"]))
    project.run("destroy", "--yes", "--skip-preview")
    assert do.volumes.list()["meta"]["total"] == 0
    assert do.reserved_ips.list()["meta"]["total"] == 0


def test_a_droplet_is_looked_up_by_id_by_name_and_by_tag(project: Project, do: Client) -> None:
    made = droplet(do, name="found", tags=["seen"])
    look = (
        HEAD + "got = do.get_droplet({by})\npulumi.export('found', [got.id, got.name, got.size, got.disk, got.urn])\n"
    )
    expected = [made["id"], "found", "s-2vcpu-4gb", 80, f"do:droplet:{made['id']}"]
    for by in (f"id={made['id']}", "name='found'", "tag='seen'"):
        project.write(look.replace("{by}", by))
        project.up()
        assert project.outputs()["found"] == expected, by
    second = droplet(do, name="other", tags=["seen"])
    for by, reason in (
        ("id=7", "404"),
        ("name='nobody'", "no droplet found with name nobody"),
        ("tag='seen'", "too many droplets found with tag seen (found 2, expected 1)"),
        ("", "specify either a name, tag, or id"),
    ):
        project.write(look.replace("{by}", by))
        assert reason in project.run("preview", fails=True), by
    for each in (made, second):
        do.droplets.destroy(each["id"])
