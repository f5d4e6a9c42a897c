"""Units, disk, Docker and its network: what the containers stand on."""

import pytest

from auren_infra.drift import compare
from auren_infra.files import paths
from auren_infra.host.sent import Command
from tests.unit.drift.case import Case
from tests.unit.drift.machine import DEVICE, SERVICES, Machine
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
        lambda m: m.texts.update({"docker-version": "24.10.1\n"}),
        "Docker",
        "is of version 24.10.1, not 24.0",
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
def test_one_change_is_one_line_with_its_mend(deployed: list[Command], machine: Machine, case: Case) -> None:
    case.check(deployed, machine)


def test_a_network_that_is_made_anew_gets_everything_back_that_was_on_it(
    update: Rehearsal, deployed: list[Command], machine: Machine
) -> None:
    """Its repair takes the containers away and stops their unit."""
    machine.networks["auren-network"]["Options"].clear()
    (found,) = compare.findings(deployed, machine.facts)
    names = {each.urn: each.name.removeprefix(f"{NAME}-") for each in update.commands()}
    assert {names[urn] for urn in found.urns} == {"network", "supervision", *SERVICES}
