"""Units, disk, Docker and its network: what the containers stand on."""

import pytest

from auren_infra.drift import compare, system
from auren_infra.files import paths, render
from auren_infra.host.expected import Expected, expected
from auren_infra.host.orders import DockerEngine
from auren_infra.host.sent import Command
from tests.unit.drift.case import Case
from tests.unit.drift.machine import DEVICE, KEY, NOW, SERVICES, Machine
from tests.unit.rehearsal import NAME, Rehearsal

CASES = {
    "a disabled unit": Case(
        lambda m: m.units["auren.service"].update(UnitFileState="disabled"),
        "auren.service",
        "is not enabled",
    ),
    "a stopped unit": Case(
        lambda m: m.units["auren-watchdog.service"].update(ActiveState="failed"),
        "auren-watchdog.service",
        "is failed, not active",
    ),
    "Docker disabled": Case(
        lambda m: m.units["docker.service"].update(UnitFileState="disabled"),
        "docker.service",
        "is not enabled",
        "systemctl enable --now docker.service",
    ),
    "a masked unit": Case(
        lambda m: m.units["logrotate.timer"].update(UnitFileState="masked", ActiveState="inactive"),
        "logrotate.timer",
        "is masked",
        "systemctl unmask logrotate.timer",
    ),
    "Docker masked": Case(
        lambda m: m.units["docker.service"].update(UnitFileState="masked-runtime"),
        "docker.service",
        "is masked",
        "systemctl unmask docker.service && systemctl enable --now docker.service",
    ),
    "Docker before its firewall": Case(
        lambda m: m.units["docker.service"].update(Requires="docker.socket"),
        "docker.service",
        "starts without the container firewall",
    ),
    "Docker before its disk": Case(
        lambda m: m.units["docker.service"].update(RequiresMountsFor="/var/lib/docker"),
        "docker.service",
        "starts without the data disk",
    ),
    "an unmounted disk": Case(
        lambda m: m.disk.__setitem__(2, ""),
        paths.DATA,
        f"is not mounted: {DEVICE} belongs there",
    ),
    "another disk": Case(
        lambda m: m.disk.__setitem__(2, "/dev/vda1"),
        paths.DATA,
        "is mounted from /dev/vda1, not from /dev/sda",
        f"systemctl stop auren docker && umount {paths.DATA}",
    ),
    "a line of fstab": Case(
        lambda m: m.texts.update(fstab="UUID=1 / ext4 defaults 0 1\n"),
        "/etc/fstab",
        f"does not mount {DEVICE} at {paths.DATA}",
    ),
    "another version of Docker": Case(
        lambda m: m.replaced("docker-versions", "engine 29.8.2", "engine 29.8.20"),
        "Docker",
        "is of version 29.8.20, not 29.8.2",
    ),
    "another version of Docker's client": Case(
        lambda m: m.replaced("docker-versions", "client 29.8.2", "client 28.5.2"),
        "Docker's client",
        "is of version 28.5.2, not 29.8.2",
    ),
    "another version of containerd": Case(
        lambda m: m.replaced("docker-versions", "containerd v2.3.6", "containerd v2.3.7"),
        "containerd",
        "is of version 2.3.7, not 2.3.6",
    ),
    "another version of Compose": Case(
        lambda m: m.replaced("docker-versions", "compose 5.6.0", "compose 5.6.1"),
        "Docker Compose",
        "is of version 5.6.1, not 5.6.0",
    ),
    "a package of Docker that an upgrade may change": Case(
        lambda m: m.replaced("docker-packages", "containerd.io hold", "containerd.io install"),
        "containerd.io",
        "is not held",
    ),
    "a removed network": Case(
        lambda m: m.networks.clear(),
        "auren-network",
        "is gone",
    ),
    "a network on which all may talk": Case(
        lambda m: m.networks["auren-network"]["Options"].clear(),
        "auren-network",
        "is a bridge network 172.18.0.0/16 as None, icc None, IPv6 False, not a bridge network",
        (
            "systemctl stop auren && docker ps --all --quiet | xargs --no-run-if-empty docker rm --force && "
            "docker network rm auren-network"
        ),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_one_change_is_one_line_with_its_mend(deployed: Expected, machine: Machine, case: Case) -> None:
    case.check(deployed, machine)


def test_a_network_that_is_made_anew_gets_everything_back_that_was_on_it(
    update: Rehearsal, deployed: Expected, machine: Machine
) -> None:
    """Its repair takes the containers away and stops their unit."""
    machine.networks["auren-network"]["Options"].clear()
    (found,) = compare.findings(deployed, machine.facts, KEY, NOW)
    names = {each.urn: each.name.removeprefix(f"{NAME}-") for each in update.commands()}
    assert {names[urn] for urn in found.urns} == {"network", "supervision", *SERVICES}


def _docker(machine: Machine, source: str, *packages: str) -> list[str]:
    wanted = expected([Command("urn", DockerEngine(source, packages, render.docker_daemon()))])
    return [
        f"{found.where} {found.what}" for found in system.findings(wanted, machine.facts) if "version" in found.what
    ]


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ("engine 28.5.2+dfsg4\nclient 28.5.2+dfsg4\ncontainerd 2.1.9~ds1\ncompose 2.40.3-3\n", []),
        ("engine 28.5.2+dfsg4\nclient 26.1.5+dfsg1\n", ["Docker's client is of version 26.1.5+dfsg1, not 28.5"]),
        ("engine 26.1.5+dfsg1\nclient 28.5.2+dfsg4\n", ["Docker is of version 26.1.5+dfsg1, not 28.5"]),
    ],
)
def test_a_distributions_docker_is_pinned_by_its_engine(machine: Machine, versions: str, expected: list[str]) -> None:
    machine.texts["docker-versions"] = versions
    assert _docker(machine, "distribution", "docker.io=28.5") == expected
