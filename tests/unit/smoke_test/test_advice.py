"""What is said about a fault: the fault itself, what it means, and what to do."""

import pytest

from auren_infra.smoke_test import advice
from auren_infra.smoke_test.advice import ADVICE, GONE, Facts, sentence
from auren_infra.smoke_test.questions import Cause, Fault
from auren_infra.smoke_test.update import MACHINE_SECONDS, NAMES_SECONDS
from tests.unit.configuration import ROOT

FACTS = Facts(
    droplet="3164494",
    droplet_status="active",
    zone="aupex.ai",
    zone_status="active",
    name_servers=("ada.ns.cloudflare.com", "bob.ns.cloudflare.com"),
)
UNREACHABLE = Fault("http://198.51.100.10/", "cannot be reached", Cause.UNREACHABLE)
CHOSEN = (
    advice.DROPLET_OFF,
    advice.DROPLET_GONE,
    advice.WEB_SERVER_SILENT,
    advice.MACHINE_SILENT,
    advice.ZONE_INACTIVE,
)
"""The advice that depends on what the clouds say."""


def facts(**changes: object) -> Facts:
    return Facts(**{**FACTS.__dict__, **changes})


def test_every_cause_has_an_advice() -> None:
    assert ADVICE.keys() == set(Cause) - {Cause.UNREACHABLE}


def test_the_whole_message() -> None:
    assert sentence(UNREACHABLE, facts(droplet_status="off"), 3.2) == (
        "The smoke test failed after 3 s: http://198.51.100.10/ cannot be reached. The droplet 3164494 is off. "
        "Start it with `doctl compute droplet-action power-on 3164494`, or in DigitalOcean's control panel. "
        "Then run `pulumi up` again."
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"droplet_status": "off"}, "power-on 3164494"),
        ({"droplet_status": "archive"}, "The droplet 3164494 is archive."),
        ({"droplet_status": GONE}, "DigitalOcean has no droplet 3164494."),
        ({"ssh_open": True}, "nginx does not run, or port 80 is blocked"),
        ({}, "power-cycle 3164494"),
        ({"droplet_status": "new"}, "Port 22 does not answer either"),
        ({"droplet_status": ""}, "Port 22 does not answer either"),
    ],
)
def test_a_machine_that_cannot_be_reached(changes: dict[str, object], words: str) -> None:
    assert words in sentence(UNREACHABLE, facts(**changes), 120)


@pytest.mark.parametrize(
    "cause", [Cause.NAME_BROKEN, Cause.NAME_MISSING, Cause.NAME_ELSEWHERE, Cause.CERTIFICATE, Cause.NOT_PROXIED]
)
@pytest.mark.parametrize("status", ["pending", "initializing", "moved"])
def test_a_zone_that_is_not_active_explains_a_name_that_leads_nowhere(cause: Cause, status: str) -> None:
    said = sentence(Fault("aupex.ai", "is wrong", cause), facts(zone_status=status), 30)
    assert f"Cloudflare's zone aupex.ai is {status}" in said
    assert "at its registrar to ada.ns.cloudflare.com and bob.ns.cloudflare.com." in said


@pytest.mark.parametrize("status", ["active", ""])
def test_an_active_or_unknown_zone_is_not_blamed(status: str) -> None:
    said = sentence(Fault("aupex.ai", "has no address", Cause.NAME_MISSING, 1800), facts(zone_status=status), 30)
    assert "registrar" not in said
    assert "may remember for 1800 s" in said


@pytest.mark.parametrize("cause", list(ADVICE))
def test_every_message_ends_with_what_to_do_and_has_no_gap(cause: Cause) -> None:
    said = sentence(Fault("aupex.ai", "is wrong", cause), FACTS, 30)
    assert said.startswith("The smoke test failed after 30 s: aupex.ai is wrong. ")
    assert said.endswith(".")
    assert said.count("`pulumi up") >= 1
    assert "{" not in said
    assert "  " not in said
    assert "\n" not in said


def test_a_failure_at_once_names_no_time() -> None:
    assert sentence(UNREACHABLE, FACTS, 0.3).startswith(
        "The smoke test failed: http://198.51.100.10/ cannot be reached."
    )


def test_the_documentation_has_every_advice() -> None:
    told = (ROOT / "docs/smoke-test.md").read_text()
    assert [words for words in (*ADVICE.values(), *CHOSEN) if f"| {words} |" not in told] == []


def test_the_documentation_has_the_bounds() -> None:
    told = " ".join((ROOT / "docs/smoke-test.md").read_text().split())
    assert f"The machine has {MACHINE_SECONDS} s to answer, and the names {NAMES_SECONDS} s" in told
