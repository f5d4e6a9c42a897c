"""The life of droplets, volumes and reserved IPs, driven by DigitalOcean's own client."""

from ipaddress import IPv4Address
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from pydo import Client

from sandbox.droplets.hypervisor import Power
from tests.sandbox.clouds.machines import FakeHypervisor
from tests.sandbox.clouds.resources import KEY, action_done, droplet, volume
from tests.sandbox.clouds.running import Clouds, eventually


def act(do: Client, droplet_id: int, kind: str, **more: Any) -> str:
    return action_done(do, do.droplet_actions.post(droplet_id, {"type": kind} | more))["status"]


def test_a_droplet_is_made_as_asked(do: Client, machines: FakeHypervisor) -> None:
    key = do.ssh_keys.create({"name": "deploy", "public_key": KEY})["ssh_key"]
    vpc = do.vpcs.create({"name": "auren", "region": "fra1", "ip_range": "10.20.0.0/24"})["vpc"]
    made = droplet(
        do,
        ssh_keys=[key["fingerprint"]],
        vpc_uuid=vpc["id"],
        user_data="#cloud-config\n",
        tags=["auren", "prod"],
        monitoring=True,
    )
    assert (made["status"], made["locked"]) == ("active", False)
    assert (made["memory"], made["vcpus"], made["disk"]) == (4096, 2, 80)
    assert (made["size_slug"], made["size"]["price_monthly"]) == ("s-2vcpu-4gb", 24.0)
    assert made["image"]["slug"] == "ubuntu-22-04-x64"
    assert made["region"]["slug"] == "fra1"
    assert made["tags"] == ["auren", "prod"]
    assert {"monitoring", "private_networking"} <= set(made["features"])
    addresses = {network["type"]: network["ip_address"] for network in made["networks"]["v4"]}
    assert addresses == {"public": "198.51.100.3", "private": "10.20.0.2"}

    machine = machines.droplets[made["id"]]
    assert machine.ssh_keys == (KEY,)
    assert machine.user_data == "#cloud-config\n"
    assert (machine.public_ipv4, machine.vpc_id) == (IPv4Address("198.51.100.3"), vpc["id"])
    assert {tag["name"] for tag in do.tags.list()["tags"]} == {"auren", "prod"}
    assert do.vpcs.list_members(vpc["id"])["members"][0]["urn"] == f"do:droplet:{made['id']}"
    assert do.droplets.list(tag_name="prod")["meta"]["total"] == 1
    assert do.droplets.list(tag_name="dev")["meta"]["total"] == 0
    assert do.droplets.list(name="AUREN-1")["meta"]["total"] == 1


def test_a_new_droplet_is_locked_and_has_no_address_yet(do: Client, machines: FakeHypervisor) -> None:
    machines.hold.clear()
    body = {"name": "a", "region": "fra1", "size": "s-1vcpu-1gb", "image": "debian-12-x64"}
    new = do.droplets.create(body)["droplet"]
    assert (new["status"], new["locked"], new["networks"]["v4"]) == ("new", True, [])
    with pytest.raises(HttpResponseError, match="Droplet already has a pending event"):
        do.droplet_actions.post(new["id"], {"type": "power_off"})
    machines.hold.set()
    eventually(lambda: do.droplets.get(new["id"])["droplet"]["status"] == "active")


def test_a_droplet_that_cannot_boot_ends_in_error(do: Client, machines: FakeHypervisor) -> None:
    machines.broken.add("create_droplet")
    answer = do.droplets.create({"name": "a", "region": "fra1", "size": "s-1vcpu-1gb", "image": "debian-12-x64"})
    assert action_done(do, do.actions.get(answer["links"]["actions"][0]["id"]))["status"] == "errored"
    assert do.droplets.get(answer["droplet"]["id"])["droplet"]["status"] == "off"


def test_power_follows_the_machine(do: Client, machines: FakeHypervisor) -> None:
    made = droplet(do)
    for kind, status in (("power_off", "off"), ("power_on", "active"), ("reboot", "active"), ("shutdown", "off")):
        assert act(do, made["id"], kind) == "completed"
        assert do.droplets.get(made["id"])["droplet"]["status"] == status
    assert act(do, made["id"], "shutdown") == "completed"  # of one that is off: no fault, as the real API
    assert act(do, made["id"], "power_on") == "completed"
    assert act(do, made["id"], "power_cycle") == "completed"
    machines.powers[made["id"]] = Power.OFF  # `poweroff` inside the machine
    assert do.droplets.get(made["id"])["droplet"]["status"] == "off"


def test_a_shutdown_that_takes_too_long_is_an_error(do: Client, machines: FakeHypervisor) -> None:
    made = droplet(do)
    machines.broken.add("shut_down_in_time")
    assert act(do, made["id"], "shutdown") == "errored"
    assert do.droplets.get(made["id"])["droplet"]["status"] == "active"


def test_resize_and_rename(do: Client, machines: FakeHypervisor) -> None:
    made = droplet(do)
    assert act(do, made["id"], "power_off") == "completed"
    assert act(do, made["id"], "resize", size="s-4vcpu-8gb", disk=False) == "completed"
    now = do.droplets.get(made["id"])["droplet"]
    assert (now["memory"], now["vcpus"], now["disk"], now["size_slug"]) == (8192, 4, 80, "s-4vcpu-8gb")
    assert act(do, made["id"], "resize", size="s-8vcpu-16gb", disk=True) == "completed"
    assert machines.droplets[made["id"]].disk_gb == 320
    assert act(do, made["id"], "rename", name="auren-2") == "completed"
    assert do.droplets.get(made["id"])["droplet"]["name"] == "auren-2"
    assert act(do, made["id"], "enable_backups") == "completed"
    assert "backups" in do.droplets.get(made["id"])["droplet"]["features"]
    kinds = [each["type"] for each in do.droplet_actions.list(made["id"])["actions"]]
    assert kinds == ["enable_backups", "rename", "resize", "resize", "power_off", "create"]


def test_destroying_a_droplet_frees_what_it_held(do: Client, machines: FakeHypervisor) -> None:
    disk = volume(do)
    made = droplet(do, volumes=[disk["id"]], tags=["auren"])
    assert made["volume_ids"] == [disk["id"]]
    reserved = do.reserved_ips.create({"droplet_id": made["id"]})["reserved_ip"]
    eventually(lambda: do.reserved_ips.get(reserved["ip"])["reserved_ip"]["droplet"])
    do.droplets.destroy(made["id"])
    eventually(lambda: do.droplets.get(made["id"]).get("id") == "not_found")  # for 404 the client raises nothing
    assert machines.droplets == machines.attached == {}
    assert machines.reserved == {IPv4Address(reserved["ip"]): None}
    assert do.volumes.get(disk["id"])["volume"]["droplet_ids"] == []
    assert do.reserved_ips.get(reserved["ip"])["reserved_ip"]["droplet"] is None
    assert droplet(do)["networks"]["v4"][1]["ip_address"] == "198.51.100.4"  # not the one that was just freed


def test_a_volume_moves_from_droplet_to_droplet_and_grows(do: Client, machines: FakeHypervisor) -> None:
    disk = volume(do, filesystem_type="ext4", filesystem_label="data", tags=["auren"])
    assert machines.volumes[disk["id"]].filesystem_label == "data"
    first, second = droplet(do, name="one"), droplet(do, name="two")
    for holder in (first, second):
        request = {"type": "attach", "droplet_id": holder["id"], "region": "fra1"}
        done = action_done(do, do.volume_actions.post_by_id(disk["id"], request))
        assert (done["status"], done["type"], done["resource_type"]) == ("completed", "attach_volume", "volume")
        assert do.volumes.get(disk["id"])["volume"]["droplet_ids"] == [holder["id"]]
        assert machines.attached == {disk["id"]: holder["id"]}
        request = {"type": "detach", "droplet_id": holder["id"]}
        assert action_done(do, do.volume_actions.post_by_id(disk["id"], request))["status"] == "completed"
    assert machines.attached == {}
    grown = {"type": "resize", "size_gigabytes": 20, "region": "fra1"}
    assert action_done(do, do.volume_actions.post_by_id(disk["id"], grown))["status"] == "completed"
    assert do.volumes.list(name="data", region="fra1")["volumes"][0]["size_gigabytes"] == 20
    assert machines.volumes[disk["id"]].size_gb == 20
    by_name = {"type": "attach", "volume_name": "data", "region": "fra1", "droplet_id": first["id"]}
    assert action_done(do, do.volume_actions.post(by_name))["status"] == "completed"
    request = {"type": "detach", "droplet_id": first["id"]}
    action_done(do, do.volume_actions.post_by_id(disk["id"], request))
    assert do.volume_snapshots.list(disk["id"])["snapshots"] == []
    do.volumes.delete(disk["id"])
    assert (do.volumes.list()["volumes"], machines.volumes) == ([], {})


def test_a_reserved_ip_follows_the_droplet(do: Client, machines: FakeHypervisor) -> None:
    reserved = do.reserved_ips.create({"region": "fra1"})["reserved_ip"]
    assert reserved["ip"] == "198.51.100.129"
    address = IPv4Address(reserved["ip"])
    for holder in (droplet(do, name="one"), droplet(do, name="two")):
        request = {"type": "assign", "droplet_id": holder["id"]}
        answer = do.reserved_ips_actions.post(reserved["ip"], request)
        assert (answer["action"]["type"], answer["action"]["resource_id"]) == ("assign_ip", int(address))
        assert action_done(do, answer)["status"] == "completed"
        assert do.reserved_ips.get(reserved["ip"])["reserved_ip"]["droplet"]["id"] == holder["id"]
        assert machines.reserved[address] == holder["id"]
    assert action_done(do, do.reserved_ips_actions.post(reserved["ip"], {"type": "unassign"}))["status"] == "completed"
    assert machines.reserved[address] is None
    do.reserved_ips.delete(reserved["ip"])
    assert do.reserved_ips.list()["reserved_ips"] == []


def test_several_droplets_at_once(do: Client) -> None:
    request = {"names": ["a", "b"], "region": "fra1", "size": "s-1vcpu-1gb", "image": "debian-12-x64", "tags": ["web"]}
    answer = do.droplets.create(request)
    assert [each["name"] for each in answer["droplets"]] == ["a", "b"]
    eventually(lambda: all(each["status"] == "active" for each in do.droplets.list()["droplets"]))
    do.droplets.destroy_by_tag(tag_name="web")
    eventually(lambda: do.droplets.list()["meta"]["total"] == 0)


def test_a_failed_destroy_leaves_the_droplet(do: Client, machines: FakeHypervisor, clouds: Clouds) -> None:
    made = droplet(do)
    machines.broken.add("destroy_droplet")
    do.droplets.destroy(made["id"])
    newest = do.droplet_actions.list(made["id"])["actions"][0]
    assert action_done(do, {"action": newest})["status"] == "errored"
    assert do.droplets.get(made["id"])["droplet"]["locked"] is False
