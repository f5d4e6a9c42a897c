"""Backups that are made and never restored."""

from dataclasses import replace

import pytest

from auren_infra.drift import compare
from auren_infra.host.expected import Expected, Placed
from tests.unit.drift.case import Case
from tests.unit.drift.machine import KEY, NOW, Machine

GOOD = '{"ended": "2026-11-22T03:12:00Z", "ok": true, "fault": ""}'
OLD = '{"ended": "2026-11-19T11:59:00Z", "ok": true, "fault": ""}'
FAILED = '{"ended": "2026-11-27T03:12:00Z", "ok": false, "fault": "The segment 0F is missing", "rows": null}'
AGAIN = "systemctl start auren-drill.service"


@pytest.fixture
def backed_up(deployed: Expected) -> Expected:
    """What was deployed, with the program of the backups."""
    return replace(deployed, files=[*deployed.files, Placed("/usr/local/sbin/auren-backup", "urn", None)])


@pytest.fixture
def with_program(machine: Machine) -> Machine:
    machine.files["/usr/local/sbin/auren-backup"] = ("755", "0:0", "root:root", "-")
    return machine


def _with(**texts: str) -> dict[str, str]:
    return {name.replace("_", "-"): text for name, text in texts.items()}


@pytest.mark.parametrize(
    ("texts", "where", "what"),
    [
        (
            _with(drills=OLD),
            "The last good backup drill",
            "was on 2026-11-19 11:59:00 UTC, 8 days 0 h ago; there should",
        ),
        (
            _with(drills=FAILED + GOOD),
            "The backup drill of 2026-11-27 03:12:00 UTC",
            "failed: The segment 0F is missing. docs/backups.md",
        ),
        (_with(drills=""), "No backup drill", "was good since the backups began, 57 days 12 h ago: nobody knows"),
        (_with(drills="", backups_since="0"), "No backup drill", "was good: nobody knows"),
    ],
    ids=["too old", "failed", "never", "never, and nobody knows since when"],
)
def test_a_drill_that_failed_or_is_too_old_is_a_finding(
    backed_up: Expected, with_program: Machine, texts: dict[str, str], where: str, what: str
) -> None:
    Case(lambda machine: machine.texts.update(texts), where, what, AGAIN).check(backed_up, with_program)


@pytest.mark.parametrize(
    "texts",
    [
        _with(drills=GOOD),
        _with(drills=GOOD + FAILED.replace("27T", "20T")),
        _with(drills="", backups_since="1795132800"),
    ],
    ids=["good", "good again", "in the first days"],
)
def test_a_good_drill_of_this_week_is_none(backed_up: Expected, with_program: Machine, texts: dict[str, str]) -> None:
    with_program.texts.update(texts)
    assert compare.findings(backed_up, with_program.facts, KEY, NOW) == []


def test_a_stack_without_backups_is_not_asked_for_drills(deployed: Expected, machine: Machine) -> None:
    without = replace(deployed, files=[one for one in deployed.files if not one.path.endswith("/auren-backup")])
    machine.texts["drills"] = FAILED
    assert compare.findings(without, machine.facts, KEY, NOW) == []
