"""Where everything runs: names, addresses and connections of instances; more than one machine."""

from collections import Counter
from dataclasses import replace

import pytest

from auren_infra import stack
from auren_infra.placement import Instance, MachinePlan, Placement, place
from auren_infra.settings.deployed import Deployed
from tests.unit.configuration import NAME, blueprint, planned
from tests.unit.rehearsal import rehearse

AUREN = blueprint()
MACHINE = planned(AUREN)


def _on(name: str, *services: str) -> MachinePlan:
    return MachinePlan(name, AUREN, tuple(Instance(AUREN.by_name[service]) for service in services))


def test_every_service_has_one_instance_on_the_machine_of_the_stack() -> None:
    assert MACHINE.name == NAME
    assert MACHINE.services == AUREN.services
    assert MACHINE.by_name["api"].container == "auren-api"
    assert str(MACHINE.by_name["api"].address) == "172.18.0.11"


def test_connections_are_the_links_between_instances_of_the_machine() -> None:
    assert list(dict.fromkeys(each.link for each in MACHINE.connections)) == [*AUREN.links]
    assert [target.name for target in MACHINE.targets("api")] == [*AUREN.targets("api")]
    stores = _on("stores", "kafka", "zookeeper", "redis")
    assert [(each.source.name, each.target.name) for each in stores.connections] == [("kafka", "zookeeper")]


def test_another_image_is_the_instances_and_the_blueprints() -> None:
    changed = MACHINE.with_images({"api": "example.org/api:2"})
    assert changed.by_name["api"].service.image == changed.blueprint.by_name["api"].image == "example.org/api:2"
    assert replace(changed, blueprint=AUREN).by_name["redis"] == MACHINE.by_name["redis"]


def test_two_machines_cannot_have_one_name() -> None:
    with pytest.raises(ValueError, match=r"^2 machines have the name stores$"):
        Placement((_on("stores", "postgres"), _on("stores", "redis")))


def test_a_link_cannot_lead_from_one_machine_to_another() -> None:
    with pytest.raises(ValueError, match=r"^kafka is on one, and zookeeper, which it talks to, is not$"):
        Placement((_on("one", "kafka"), _on("two", "zookeeper")))


def test_a_second_machine_has_everything_of_its_own_and_shares_what_a_stack_has_once() -> None:
    second = replace(MACHINE, name=f"{NAME}-2")
    one = rehearse(lambda: stack.deploy(place(AUREN), Deployed()), preview=False)
    two = rehearse(lambda: stack.deploy(Placement((MACHINE, second)), Deployed()), preview=False)
    urns = Counter(resource.urn for resource in two.resources)
    assert [urn for urn, count in urns.items() if count > 1] == []
    added = {(each.type, each.name) for each in two.resources} - {(each.type, each.name) for each in one.resources}
    assert {name for _, name in added if not name.startswith(second.name)} == set()
    inputs = {each.urn: each.inputs for each in two.resources}
    assert [each.urn for each in one.resources if inputs[each.urn] != each.inputs] == []
    once = {"Vpc", "Tag", "Firewall", "DnsRecord", "RandomPassword"}
    assert {type_.rpartition(":")[2] for type_, _ in added} & once == set()
    assert two.outputs == one.outputs


def test_a_machine_without_services_gets_docker_and_its_firewall() -> None:
    placement = Placement((MACHINE, MachinePlan(f"{NAME}-2", AUREN, ())))
    run = rehearse(lambda: stack.deploy(placement, Deployed()), preview=False)
    names = {command.name for command in run.commands()}
    assert {f"{NAME}-2-{name}" for name in ("docker", "machine-firewall", "data-disk")} <= names
    assert not {f"{NAME}-2-{name}" for name in ("nginx", "log-rotation", "website")} & names
