"""A container that is missing, other than it was deployed, or not deployed at all."""

import pytest

from auren_infra.drift import compare
from auren_infra.files.compose import RELEASE_LABEL
from auren_infra.host.expected import Expected
from auren_infra.placement import Instance
from tests.unit.configuration import DIGEST
from tests.unit.drift.case import OTHER, Case
from tests.unit.drift.machine import KEY, NOW, SERVICES, Machine, released

NGINX = released(SERVICES["nginx"]).id


def _another_image(machine: Machine) -> None:
    machine.containers["auren-redis"] |= {"id": OTHER, "image": "docker.io/library/redis:6", "labels": {}}


def _another_digest_by_compose(machine: Machine) -> None:
    machine.containers["auren-redis"] |= {"id": OTHER, "image": f"docker.io/library/redis:7@{DIGEST}"}


def _made_by_hand(machine: Machine) -> None:
    machine.containers["auren-redis"] |= {"id": OTHER, "labels": None}


def _unknown_release(machine: Machine) -> None:
    machine.containers["auren-redis"]["labels"] |= {RELEASE_LABEL: "0123456789abcdef"}


def _never_accepted(machine: Machine) -> None:
    del machine.accepted["nginx"]


def _another_accepted(machine: Machine) -> None:
    machine.accepted["nginx"] = "0123456789abcdef"


def _stopped(machine: Machine) -> None:
    redis = machine.containers["auren-redis"]
    redis |= {"state": {"Status": "exited"}, "networks": {"auren-network": {"IPAddress": ""}}}


def _extra_container(machine: Machine) -> None:
    machine.containers["adminer"] = machine.containers["auren-redis"] | {
        "name": "/adminer",
        "image": "adminer",
        "labels": {},
    }


ALARM = "auren-failing@kafka-ui.service loaded failed failed The container auren-kafka-ui is not healthy\n"
"""What systemctl 257 prints of a failed unit."""


def _unhealthy(machine: Machine) -> None:
    machine.containers["auren-kafka-ui"]["state"]["Health"].update(Status="unhealthy")


def _joined(machine: Machine) -> None:
    networks = machine.containers["auren-redis"]["networks"]
    networks["bridge"] = {"IPAddress": "172.17.0.2"}


def _rolled_back(machine: Machine) -> None:
    _another_accepted(machine)
    machine.reloading["nginx"] = "0123456789abcdef"
    machine.rolled_back["nginx"] = "yes"


CASES = {
    "a removed container": Case(
        lambda m: m.containers.pop("auren-kafka-ui"),
        "auren-kafka-ui",
        "is gone",
    ),
    "another image": Case(
        _another_image,
        "auren-redis",
        "runs docker.io/library/redis:6, not docker.io/library/redis:",
        "docker rm --force auren-redis",
    ),
    "another digest": Case(
        _another_digest_by_compose,
        "auren-redis",
        f"runs docker.io/library/redis:7@{DIGEST}, not docker.io/library/redis:",
    ),
    "a container that somebody made": Case(
        _made_by_hand,
        "auren-redis",
        "was made from no release, not from the release",
        "docker rm --force auren-redis",
    ),
    "another release": Case(
        _unknown_release,
        "auren-redis",
        "was made from the release 0123456789abcdef, not from the release",
    ),
    "files of another release, which were read anew": Case(
        lambda m: m.reloading.update(nginx="0123456789abcdef"),
        "auren-nginx",
        f"runs the release 0123456789abcdef, not the release {NGINX}",
    ),
    "files that the next start does not find": Case(
        lambda m: m.reloading.update(nginx=""),
        "auren-nginx",
        "would not start again with its files: the link `live` is gone, or leads to those of another container",
    ),
    "a container that reloads, and that somebody made": Case(
        lambda m: m.containers["auren-nginx"].update(labels=None),
        "auren-nginx",
        "was made from no release, not from the release",
        "docker rm --force auren-nginx",
    ),
    "a release that was never accepted": Case(
        _never_accepted,
        "auren-nginx",
        f"runs the release {NGINX}, and the machine would start no release in its place",
    ),
    "another release that the next start takes": Case(
        _another_accepted,
        "auren-nginx",
        f"runs the release {NGINX}, and the machine would start the release 0123456789abcdef in its place",
    ),
    "a rollback": Case(
        _rolled_back,
        "auren-nginx",
        f"was rolled back to the release 0123456789abcdef from the release {NGINX}. To keep that, take the change back",
    ),
    "a stopped container": Case(
        _stopped,
        "auren-redis",
        "is exited, not running",
    ),
    "an unhealthy container": Case(
        lambda m: m.containers["auren-api"]["state"]["Health"].update(Status="unhealthy"),
        "auren-api",
        "is unhealthy",
    ),
    "an unhealthy container that the watchdog could not help": Case(
        lambda m: m.texts.update({"alarms": ALARM}) or _unhealthy(m),
        "auren-kafka-ui",
        "is unhealthy",
    ),
    "a container that starts and starts": Case(
        lambda m: m.texts.update({"alarms": ALARM}),
        "auren-kafka-ui",
        "did not become healthy, and the watchdog could not help it",
    ),
    "more memory": Case(
        lambda m: m.containers["auren-api"]["host"].update(Memory=1 << 40),
        "auren-api",
        f"has memory limit {1 << 40}, not",
        "docker rm --force auren-api",
    ),
    "no limit of processes": Case(
        lambda m: m.containers["auren-api"]["host"].update(PidsLimit=None),
        "auren-api",
        "has process limit None, not",
        "docker rm --force auren-api",
    ),
    "another restart policy": Case(
        lambda m: m.containers["auren-api"]["host"].update(RestartPolicy={"Name": "no"}),
        "auren-api",
        "has restart policy no, not always",
        "docker rm --force auren-api",
    ),
    "a container on another network": Case(
        _joined,
        "auren-redis",
        "has addresses {",
        "docker rm --force auren-redis",
    ),
    "a container too many": Case(
        _extra_container,
        "adminer",
        "is a container that was not deployed, of adminer on auren-network",
        "docker rm --force adminer",
    ),
    "Docker that does not answer": Case(
        lambda m: m.silent.update({"containers", "docker-versions", "networks"}),
        "Docker",
        "does not answer",
        "systemctl restart docker",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_one_change_is_one_line_with_its_mend(deployed: Expected, machine: Machine, case: Case) -> None:
    case.check(deployed, machine)


def test_a_container_that_was_started_a_moment_ago_is_as_it_should_be(deployed: Expected, machine: Machine) -> None:
    machine.containers["auren-kafka"]["state"]["Health"]["Status"] = "starting"
    assert compare.findings(deployed, machine.facts, KEY, NOW) == []


def test_a_container_that_reloads_may_be_of_an_older_release(deployed: Expected, machine: Machine) -> None:
    machine.containers["auren-nginx"]["labels"] |= {RELEASE_LABEL: "0123456789abcdef"}
    assert compare.findings(deployed, machine.facts, KEY, NOW) == []


def test_every_service_is_looked_at(deployed: Expected, machine: Machine) -> None:
    machine.containers.clear()
    assert {found.where for found in compare.findings(deployed, machine.facts, KEY, NOW)} == {
        Instance(one).container for one in SERVICES.values()
    }


def test_the_container_of_a_restore_is_none_too_many(deployed: Expected, machine: Machine) -> None:
    machine.containers["auren-postgres-restore"] = machine.containers["auren-postgres"]
    assert compare.findings(deployed, machine.facts, KEY, NOW) == []
