"""The order in which things are done on the machine."""

from itertools import permutations

import pytest

from auren_infra.host.machine import script
from tests.unit.configuration import blueprint
from tests.unit.rehearsal import Rehearsal

SERVICES = [service.name for service in blueprint().services]


@pytest.mark.parametrize(
    ("service", "needed"),
    [
        ("nginx", ["api"]),
        ("api", ["postgres", "redis", "chromadb-statement", "kafka-topics"]),
        ("bridge", ["postgres", "redis", "kafka-topics"]),
        ("kafka-ui", ["kafka-topics"]),
        ("kafka-topics", ["kafka"]),
        ("chromadb-statement", ["chromadb"]),
        ("kafka", ["zookeeper"]),
    ],
)
def test_a_container_starts_after_those_it_talks_to(rehearsal: Rehearsal, service: str, needed: list[str]) -> None:
    for target in needed:
        assert rehearsal.command(target).urn in rehearsal.command(service).dependencies


def test_a_container_never_starts_before_what_it_stands_on(rehearsal: Rehearsal) -> None:
    """Not before its release is there, the disk is mounted and the network exists."""
    for service in SERVICES:
        ancestry = rehearsal.ancestry(rehearsal.command(service).urn)
        for name in ("ready", "data-disk", "docker", "network", f"{service}-release"):
            assert rehearsal.command(name).urn in ancestry, f"{service} before {name}"
    for service, directory in {"nginx": "website", "postgres": "sql-init"}.items():
        assert rehearsal.command(directory).urn in rehearsal.command(service).dependencies
    for service, secret in (("api", "postgres_password"), ("api", "redis_password"), ("redis", "redis.acl")):
        release = rehearsal.command(f"{service}-release")
        assert rehearsal.command(f"{service}-{secret}").urn in release.dependencies


def test_no_container_is_touched_before_every_release_is_accepted(rehearsal: Rehearsal) -> None:
    for service in SERVICES:
        dependencies = rehearsal.command(service).dependencies
        assert {rehearsal.command(f"{each}-release").urn for each in SERVICES} <= set(dependencies)


def test_a_switch_follows_each_attempt_to_stage(update: Rehearsal) -> None:
    """What stages prints the time: after a deployment that failed there is another text to switch to."""
    for service in SERVICES:
        staged = update.command(f"{service}-release").name
        assert f"stdout of {staged}, " in update.command(service).inputs["stdin"].removeprefix(script("switch"))


def test_services_that_do_not_talk_to_each_other_start_side_by_side(rehearsal: Rehearsal) -> None:
    for one, other in permutations(("postgres", "redis", "chromadb", "zookeeper"), 2):
        assert rehearsal.command(other).urn not in rehearsal.ancestry(rehearsal.command(one).urn)


def test_every_command_waits_for_the_first_boot(rehearsal: Rehearsal) -> None:
    ready = rehearsal.command("ready")
    for command in rehearsal.commands():
        assert command is ready or ready.urn in rehearsal.ancestry(command.urn), command.name


def test_no_command_goes_to_an_address_that_does_not_lead_to_the_machine_yet(rehearsal: Rehearsal) -> None:
    assignment = rehearsal.only("digitalocean:index/reservedIpAssignment:ReservedIpAssignment").urn
    for command in [*rehearsal.commands(), rehearsal.only("command:local:Command")]:
        assert assignment in command.dependencies, command.name
