"""A disk without room and a clock that is wrong: services that are as they were deployed stop all the same."""

import pytest

from auren_infra.drift import compare
from auren_infra.files import paths
from auren_infra.host.expected import Expected
from tests.unit.drift.case import Case
from tests.unit.drift.machine import KEY, NOW, Machine

CASES = {
    "a data disk that is almost full": Case(
        lambda m: m.replaced("space", " 30000000000 ", " 1900000000 "),
        paths.DATA,
        "is almost full: 1.9 GB of 42.0 GB are free",
        f"du --one-file-system --max-depth=3 --block-size=1M {paths.DATA} | sort --numeric-sort | tail --lines=20",
    ),
    "a root disk that is full": Case(
        lambda m: m.replaced("space", " 60000000000 ", " 0 "),
        "/",
        "is almost full: 0 B of 84.0 GB are free",
        "du --one-file-system --max-depth=3 --block-size=1M / | sort --numeric-sort | tail --lines=20",
    ),
    "a disk that can hold few more files": Case(
        lambda m: m.replaced("space", " 2400000\n", " 100000\n"),
        paths.DATA,
        "can hold 100,000 more files only, of 2,500,000",
        f"du --one-file-system --max-depth=3 --inodes {paths.DATA} | sort --numeric-sort | tail --lines=20",
    ),
    "a clock that is an hour behind": Case(
        lambda m: m.replaced("clock", "T12:00:00Z", "T11:00:00Z"),
        "the clock",
        "is 3,600 s behind the one of the machine that looks",
        "systemctl restart systemd-timesyncd && timedatectl",
    ),
    "a clock that is ahead": Case(
        lambda m: m.replaced("clock", "T12:00:00Z", "T12:02:00Z"),
        "the clock",
        "is 120 s ahead of the one of the machine that looks",
        "systemctl restart systemd-timesyncd && timedatectl",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_one_fault_is_one_line_with_what_to_look_at(deployed: Expected, machine: Machine, case: Case) -> None:
    case.check(deployed, machine)


@pytest.mark.parametrize(
    "space",
    [
        f"/ 84000000000 2200000000 10000000 9000000\n{paths.DATA} 42000000000 30000000000 2500000 2400000\n",
        f"/ 2000000000 200000000 0 0\n{paths.DATA} 2000000000 200000000 - -\n",
    ],
    ids=["a large disk", "a small one, and inodes that are not counted"],
)
def test_a_disk_with_some_room_is_no_finding(deployed: Expected, machine: Machine, space: str) -> None:
    machine.texts["space"] = space
    assert compare.findings(deployed, machine.facts, KEY, NOW) == []


def test_clocks_that_differ_a_little_are_no_finding(deployed: Expected, machine: Machine) -> None:
    machine.replaced("clock", "T12:00:00Z", "T11:59:30Z")
    assert compare.findings(deployed, machine.facts, KEY, NOW) == []
