"""The life of what belongs to the account: keys, VPCs, firewalls, tags, projects, catalogue; with pydo."""

from typing import Any

from pydo import Client

from auren_infra.settings.systems import SYSTEMS
from sandbox.droplets.hypervisor import FirewallPolicy, FirewallRule
from tests.sandbox.clouds.machines import FakeHypervisor
from tests.sandbox.clouds.resources import KEY, droplet, volume
from tests.sandbox.clouds.running import Clouds, eventually


def test_every_system_of_the_program_is_an_image_here(do: Client) -> None:
    assert SYSTEMS.keys() <= {image["slug"] for image in do.images.list()["images"]}


def test_account_and_catalogue(do: Client, clouds: Clouds) -> None:
    assert do.account.get()["account"]["status"] == "active"
    assert {"fra1", "nyc3"} <= {region["slug"] for region in do.regions.list()["regions"]}
    size = next(size for size in do.sizes.list()["sizes"] if size["slug"] == "s-2vcpu-4gb")
    assert (size["disk"], size["price_monthly"], size["price_hourly"]) == (80, 24.0, 0.03571)
    image = next(image for image in do.images.list()["images"] if image["slug"] == "ubuntu-22-04-x64")
    assert image["distribution"] == "Ubuntu"
    with clouds.raw() as http:
        assert http.get("/v2/images/ubuntu-22-04-x64").json() == http.get(f"/v2/images/{image['id']}").json()
        assert http.get("/v2/images/nothing-x64").json()["id"] == "not_found"
    assert do.images.list(private=True)["images"] == []


def test_ssh_keys(do: Client) -> None:
    key = do.ssh_keys.create({"name": "deploy", "public_key": KEY})["ssh_key"]
    assert len(key["fingerprint"].split(":")) == 16
    assert do.ssh_keys.get(key["id"])["ssh_key"] == do.ssh_keys.get(key["fingerprint"])["ssh_key"] == key
    assert do.ssh_keys.update(key["id"], {"name": "new"})["ssh_key"]["name"] == "new"
    do.ssh_keys.delete(key["fingerprint"])
    assert do.ssh_keys.list()["ssh_keys"] == []


def test_vpcs(do: Client, machines: FakeHypervisor) -> None:
    defaults = do.vpcs.list()["vpcs"]
    assert all(vpc["default"] for vpc in defaults)
    made = do.vpcs.create({"name": "auren", "region": "fra1", "ip_range": "10.20.0.0/24", "description": "d"})["vpc"]
    assert (made["default"], made["urn"]) == (False, f"do:vpc:{made['id']}")
    assert str(machines.vpcs[made["id"]]) == "10.20.0.0/24"
    changed = do.vpcs.update(made["id"], {"name": "other", "description": "", "default": False})["vpc"]
    assert (changed["name"], changed["description"]) == ("other", "")
    assert do.vpcs.patch(made["id"], {"description": "again"})["vpc"]["name"] == "other"
    own = do.vpcs.create({"name": "no-range", "region": "fra1"})["vpc"]
    assert own["ip_range"].endswith("/20")
    do.vpcs.delete(made["id"])
    do.vpcs.delete(own["id"])
    assert do.vpcs.list()["vpcs"] == defaults
    assert machines.vpcs == {}


def rule(ports: str = "22", protocol: str = "tcp", **peers: Any) -> dict[str, Any]:
    return {"protocol": protocol, "ports": ports, "sources": peers or {"addresses": ["0.0.0.0/0", "::/0"]}}


OUTBOUND = [{"protocol": "tcp", "ports": "all", "destinations": {"addresses": ["0.0.0.0/0", "::/0"]}}]
EVERYWHERE = FirewallRule("tcp", None, ("0.0.0.0/0",))


def firewall(do: Client, **more: Any) -> dict[str, Any]:
    request = {"name": "auren", "inbound_rules": [rule()], "outbound_rules": OUTBOUND} | more
    return do.firewalls.create(request)["firewall"]


def test_a_firewall_is_enforced_and_taken_off(do: Client, machines: FakeHypervisor) -> None:
    made = droplet(do)
    wall = firewall(
        do,
        droplet_ids=[made["id"]],
        inbound_rules=[rule("22"), rule("8000-9000"), rule("", "icmp"), rule("all", "udp")],
    )
    assert wall["status"] == "waiting"
    assert wall["pending_changes"] == [{"droplet_id": made["id"], "removing": False, "status": "waiting"}]
    assert [each["ports"] for each in wall["inbound_rules"]] == ["22", "8000-9000", "0", "0"]
    assert wall["outbound_rules"][0]["ports"] == "0"
    now = do.firewalls.get(wall["id"])["firewall"]
    assert (now["status"], now["pending_changes"]) == ("succeeded", [])
    world = ("0.0.0.0/0",)
    assert machines.policies == {
        made["id"]: FirewallPolicy(
            inbound=(
                FirewallRule("tcp", (22, 22), world),
                FirewallRule("tcp", (8000, 9000), world),
                FirewallRule("icmp", None, world),
                FirewallRule("udp", None, world),
            ),
            outbound=(EVERYWHERE,),
        )
    }
    assert [each["id"] for each in do.droplets.list_firewalls(made["id"])["firewalls"]] == [wall["id"]]
    do.firewalls.delete(wall["id"])
    assert machines.policies == {}


def test_firewalls_follow_tags_and_add_up(do: Client, machines: FakeHypervisor) -> None:
    for tag in ("web", "ssh"):
        do.tags.create({"name": tag})
    firewall(do, name="web", tags=["web"], inbound_rules=[rule("80")])
    made = droplet(do, tags=["web"])
    assert machines.policies[made["id"]].inbound == (FirewallRule("tcp", (80, 80), ("0.0.0.0/0",)),)
    firewall(do, name="ssh", tags=["ssh"])
    do.tags.assign_resources("ssh", {"resources": [{"resource_id": str(made["id"]), "resource_type": "droplet"}]})
    eventually(lambda: len(machines.policies[made["id"]].inbound) == 2)
    do.tags.unassign_resources("web", {"resources": [{"resource_id": str(made["id"]), "resource_type": "droplet"}]})
    eventually(lambda: len(machines.policies[made["id"]].inbound) == 1)
    do.tags.delete("ssh")
    eventually(lambda: machines.policies == {})


def test_two_firewalls_on_one_tag_add_up_and_each_is_taken_off_by_itself(do: Client, machines: FakeHypervisor) -> None:
    """That is how SSH is opened for a while without the stack's own firewall being touched."""
    made = droplet(do, tags=["auren"])
    firewall(do, name="auren-prod", tags=["auren"], inbound_rules=[rule("443")])
    opening = firewall(
        do, name="auren-prod-access", tags=["auren"], inbound_rules=[rule(addresses=["10.0.0.9"])], outbound_rules=None
    )
    world, one = FirewallRule("tcp", (443, 443), ("0.0.0.0/0",)), FirewallRule("tcp", (22, 22), ("10.0.0.9",))
    assert machines.policies[made["id"]] == FirewallPolicy(inbound=(world, one), outbound=(EVERYWHERE,))
    do.firewalls.delete(opening["id"])
    assert machines.policies[made["id"]] == FirewallPolicy(inbound=(world,), outbound=(EVERYWHERE,))


def test_firewall_peers_may_be_droplets(do: Client, machines: FakeHypervisor) -> None:
    source, target = droplet(do, name="a", tags=["client"]), droplet(do, name="b")
    wall = firewall(do, droplet_ids=[target["id"]], inbound_rules=[rule("5432", droplet_ids=[source["id"]])])
    addresses = {each["ip_address"] for each in source["networks"]["v4"]}
    assert set(machines.policies[target["id"]].inbound[0].addresses) == addresses
    do.firewalls.update(
        wall["id"],
        {
            "name": "auren",
            "droplet_ids": [target["id"]],
            "inbound_rules": [rule("6379", tags=["client"])],
            "outbound_rules": OUTBOUND,
        },
    )
    assert set(machines.policies[target["id"]].inbound[0].addresses) == addresses
    do.droplets.destroy(source["id"])
    eventually(lambda: machines.policies[target["id"]].inbound[0].addresses == ())


def test_firewall_parts_are_added_and_removed(do: Client, machines: FakeHypervisor) -> None:
    made = droplet(do)
    wall = firewall(do)
    do.firewalls.assign_droplets(wall["id"], {"droplet_ids": [made["id"]]})
    do.firewalls.add_rules(wall["id"], {"inbound_rules": [rule("443")]})
    do.tags.create({"name": "extra"})
    do.firewalls.add_tags(wall["id"], {"tags": ["extra"]})
    now = do.firewalls.get(wall["id"])["firewall"]
    assert ([each["ports"] for each in now["inbound_rules"]], now["tags"]) == (["22", "443"], ["extra"])
    assert len(machines.policies[made["id"]].inbound) == 2
    do.firewalls.delete_rules(wall["id"], {"inbound_rules": [rule("22")]})
    do.firewalls.delete_tags(wall["id"], {"tags": ["extra"]})
    assert machines.policies[made["id"]].inbound[0].ports == (443, 443)
    do.firewalls.delete_droplets(wall["id"], {"droplet_ids": [made["id"]]})
    assert machines.policies == {}


def test_a_firewall_that_cannot_be_enforced_says_so(do: Client, machines: FakeHypervisor) -> None:
    made = droplet(do)
    machines.broken.add("apply_firewalls")
    wall = firewall(do, droplet_ids=[made["id"]])
    assert do.firewalls.get(wall["id"])["firewall"]["status"] == "failed"


def test_projects_hold_resources(do: Client) -> None:
    default = do.projects.get_default()["project"]
    disk = volume(do)
    urn = f"do:volume:{disk['id']}"
    assert [each["urn"] for each in do.projects.list_resources_default()["resources"]] == [urn]
    own = do.projects.create({"name": "AUREN", "purpose": "Website", "environment": "production"})["project"]
    assert own["environment"] == "Production"
    assigned = do.projects.assign_resources(own["id"], {"resources": [urn]})["resources"][0]
    assert (assigned["urn"], assigned["status"]) == (urn, "assigned")
    assert do.projects.list_resources(default["id"])["resources"] == []
    reserved = do.reserved_ips.create({"region": "fra1", "project_id": own["id"]})["reserved_ip"]
    assert reserved["project_id"] == own["id"]
    refused = do.projects.delete(own["id"])
    assert refused
    assert refused["id"] == "precondition_failed"
    do.volumes.delete(disk["id"])
    do.reserved_ips.delete(reserved["ip"])
    assert do.projects.patch(own["id"], {"description": "d", "name": None})["project"]["name"] == "AUREN"
    do.projects.delete(own["id"])
    assert [each["id"] for each in do.projects.list()["projects"]] == [default["id"]]


def test_lists_come_in_pages(do: Client, clouds: Clouds) -> None:
    for number in range(5):
        do.tags.create({"name": f"tag-{number}"})
    first = do.tags.list(per_page=2)
    assert ([tag["name"] for tag in first["tags"]], first["meta"]["total"]) == (["tag-0", "tag-1"], 5)
    assert set(first["links"]["pages"]) == {"next", "last"}
    with clouds.raw() as http:
        second = http.get(first["links"]["pages"]["next"]).json()
        assert [tag["name"] for tag in second["tags"]] == ["tag-2", "tag-3"]
        last = http.get(second["links"]["pages"]["last"]).json()
    assert [tag["name"] for tag in last["tags"]] == ["tag-4"]
    assert set(last["links"]["pages"]) == {"first", "prev"}
    assert do.tags.list(per_page=200)["links"] == {}
    assert do.tags.list(page=9)["tags"] == []


def test_everything_survives_a_restart(do: Client, clouds: Clouds, machines: FakeHypervisor) -> None:
    disk = volume(do)
    made = droplet(do, volumes=[disk["id"]], tags=["auren"])
    off = droplet(do, name="off")
    do.droplet_actions.post(off["id"], {"type": "power_off"})
    eventually(lambda: do.droplets.get(off["id"])["droplet"]["status"] == "off")
    reserved = do.reserved_ips.create({"droplet_id": made["id"]})["reserved_ip"]
    eventually(lambda: not do.reserved_ips.get(reserved["ip"])["reserved_ip"]["locked"])
    firewall(do, tags=["auren"])
    before = FakeHypervisor(**vars(machines))
    for name in ("vpcs", "droplets", "powers", "volumes", "attached", "reserved", "policies"):
        setattr(machines, name, {})  # as after the host was switched off and on
    clouds.restart()
    again = clouds.digitalocean()
    assert machines == before
    assert again.droplets.get(made["id"])["droplet"] == made
    assert again.droplets.get(off["id"])["droplet"]["status"] == "off"
    assert again.firewalls.list()["firewalls"][0]["status"] == "succeeded"
    assert again.reserved_ips.get(reserved["ip"])["reserved_ip"]["droplet"]["id"] == made["id"]


def test_what_was_under_way_at_the_end_is_settled_at_the_start(clouds: Clouds, machines: FakeHypervisor) -> None:
    do = clouds.digitalocean()
    doomed, disk = droplet(do, name="doomed"), volume(do)
    machines.hold.clear()
    body = {"name": "half", "region": "fra1", "size": "s-1vcpu-1gb", "image": "debian-12-x64"}
    half = do.droplets.create(body)["droplet"]
    do.droplets.destroy(doomed["id"])
    state = (clouds.directory / "clouds" / "state.json").read_bytes()
    machines.hold.set()
    clouds.stop()
    (clouds.directory / "clouds" / "state.json").write_bytes(state)  # as if it had been killed right there
    clouds.start()
    do = clouds.digitalocean()
    assert [(each["id"], each["status"], each["locked"]) for each in do.droplets.list()["droplets"]] == [
        (half["id"], "active", False)
    ]
    assert all(action["completed_at"] for action in do.actions.list()["actions"])
    assert set(machines.droplets) == {half["id"]}
    assert disk["id"] in machines.volumes


def test_a_machine_that_cannot_be_brought_back_is_reported(clouds: Clouds, machines: FakeHypervisor) -> None:
    droplet(clouds.digitalocean())
    machines.broken.add("create_droplet")
    clouds.restart()
    with clouds.raw() as http:
        health = http.get("/_sandbox/health").json()
    assert health["faults"] == ["droplet auren-1: create_droplet is broken"]
