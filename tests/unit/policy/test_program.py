"""The whole program keeps the rules, and they see all of it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from auren_infra.placement import instances
from auren_infra.services.model import Preflight
from policy.compose import services
from policy.resource import UNKNOWN, Resource, Stack
from policy.rules import RULES, STACK_RULES
from policy.rules.network import INNER
from policy.rules.secrets import GENERATED
from tests.unit import rehearsal as mocks
from tests.unit.configuration import BACKED_UP, blueprint
from tests.unit.rehearsal import Registration, Rehearsal

UNTIL_WRITTEN_DOWN = "image-without-digest"
"""The catalogue's pins are tags."""


def _value(value: Any) -> Any:
    match value:
        case dict():
            return {key: _value(item) for key, item in value.items()}
        case list():
            return [_value(item) for item in value]
        case _:
            return UNKNOWN if value == mocks.UNKNOWN else value


def _resource(registered: Registration) -> Resource:
    plain = {name: value for name, value in registered.inputs.items() if name not in registered.secrets}
    return Resource(
        registered.type,
        registered.name,
        registered.urn,
        _value(registered.inputs),
        protect=registered.protect,
        unmarked=_texts(plain),
    )


def _texts(value: Any, path: str = "") -> dict[str, str]:
    match value:
        case dict():
            return {k: v for name, item in value.items() for k, v in _texts(item, f"{path}.{name}").items()}
        case list():
            return {k: v for index, item in enumerate(value) for k, v in _texts(item, f"{path}[{index}]").items()}
        case str():
            return {path: value}
        case _:
            return {}


def _faults(resources: Sequence[Resource]) -> set[tuple[str, str]]:
    return {(rule.name, fault) for rule in RULES for resource in resources for fault in rule.check(resource)}


def test_the_program_keeps_every_rule(rehearsal: Rehearsal) -> None:
    resources = [_resource(each) for each in rehearsal.resources]
    assert {name for name, _ in _faults(resources)} == {UNTIL_WRITTEN_DOWN}
    assert [fault for rule in STACK_RULES for fault in rule.check(Stack(resources))] == []


def test_no_generated_secret_of_the_program_is_in_plain(update: Rehearsal) -> None:
    resources = [_resource(each) for each in update.resources]
    made = [
        replace(
            each, properties={"result": f"PASSWORD-{each.name}-PASSWORD", "privateKeyOpenssh": f"PRIVATE-{each.name}"}
        )
        for each in resources
        if each.type in GENERATED
    ]
    assert len(made) > 3
    assert [fault for rule in STACK_RULES for fault in rule.check(Stack([*resources, *made]))] == []


def test_the_rules_see_every_container(rehearsal: Rehearsal) -> None:
    seen = [service for each in rehearsal.resources for service in services(_resource(each))]
    ours = blueprint().services
    judges = [f"{service.name}-preflight" for service in ours if service.task(Preflight)]
    containers = [instance.name for service in ours for instance in instances(service)]
    assert sorted(service.name for service in seen) == sorted([*containers, *judges])
    assert [service.name for service in seen if service.ends] == judges
    assert all(service.image and service.mem_limit and service.volumes is not None for service in seen)


def test_the_stores_and_the_api_are_inner_services() -> None:
    ports = {service.name: service.port for service in blueprint().services}
    inner = ("api", "postgres", "redis", "chromadb", "zookeeper", "kafka")
    assert {name: ports[name] for name in inner}.items() <= {name: port for port, name in INNER.items()}.items()


def test_what_is_open_to_the_outside_is_no_inner_service() -> None:
    assert not {service.name for service in blueprint().services if service.published} & {*INNER.values()}


@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        ({"sshAllowed": '["0.0.0.0/0"]'}, "ssh-open-to-everyone"),
        ({"kafkaUiAllowed": '["10.200.0.0/20", "::/0"]'}, "kafka-ui-open-to-everyone"),
        ({"protectData": "false"}, "volume-unprotected"),
        (BACKED_UP, ""),
    ],
)
def test_a_setting_that_breaks_a_rule_is_seen(changes: dict[str, Any], broken: str) -> None:
    found = _faults([_resource(each) for each in mocks.deploy(**changes).resources])
    assert {name for name, _ in found} == {UNTIL_WRITTEN_DOWN, broken} - {""}
