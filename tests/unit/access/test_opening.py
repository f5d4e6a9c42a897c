"""What an opening's firewall is called, and which firewalls of an account are openings of a stack."""

import re
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auren_infra.access import opening
from auren_infra.access.opening import Firewall, Opening
from tests.unit.configuration import settings
from tests.unit.rehearsal import Rehearsal

NOW = datetime(2026, 11, 25, 18, 30, tzinfo=UTC)
PUBLISHED = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9.-]+")
"""What DigitalOcean takes as a firewall's name."""
STACKS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,55}[a-z0-9])?", fullmatch=True)
HOLDERS = st.from_regex(r"[a-z0-9]([a-z0-9.]{0,78}[a-z0-9])?", fullmatch=True)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001 - a time zone is added below
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)


def _firewall(
    name: str,
    *,
    tags: tuple[str, ...] = (),
    droplets: tuple[int, ...] = (),
    inbound: tuple[str, ...] = ("tcp 22 from 198.51.100.7",),
) -> Firewall:
    return Firewall(name, name, "succeeded", tags, droplets, inbound)


@given(STACKS, HOLDERS, MOMENTS)
def test_all_of_an_opening_can_be_read_back_from_its_name(stack: str, holder: str, until: datetime) -> None:
    made = Opening(stack, holder, until)
    assert opening.read(stack, made.name) == made
    assert PUBLISHED.fullmatch(made.name)
    assert len(made.name) <= 255


@given(STACKS, STACKS, HOLDERS, MOMENTS)
def test_an_opening_of_one_stack_is_none_of_another(own: str, other: str, holder: str, until: datetime) -> None:
    made = Opening(other, holder, until)
    assert (opening.read(own, made.name) is None) == (own != other)


@pytest.mark.parametrize(
    "name",
    [
        "auren-prod",
        "auren-prod-access",
        "auren-prod-access-ada",
        "auren-prod-access-ada-until-",
        "auren-prod-access-ada-until-tomorrow",
        "auren-prod-access-ada-until-20261325T000000Z",
        "auren-prod-access-ada-until-20261125T183000",
        "auren-prod-access-ada-until-20261125T183000Z-and-more",
        "my-auren-prod-access-ada-until-20261125T183000Z",
        "auren-prod-access-two-words-until-20261125T183000Z",
        "aurenXprod-access-ada-until-20261125T183000Z",
    ],
)
def test_a_firewall_of_another_purpose_is_no_opening(name: str) -> None:
    assert opening.read("auren-prod", name) is None


@given(st.text())
def test_a_holder_fits_into_a_name_whatever_it_is_called(text: str) -> None:
    holder = opening.holder(text)
    assert opening.holder(holder) == holder
    made = Opening("auren-prod", holder or "somebody", NOW)
    assert opening.read("auren-prod", made.name) == made


def test_it_lets_in_one_address_on_the_port_of_ssh_and_nothing_out() -> None:
    assert Opening("auren-prod", "ada.laptop", NOW).request(IPv4Address("198.51.100.7")) == {
        "name": "auren-prod-access-ada.laptop-until-20261125T183000Z",
        "tags": ["auren-prod"],
        "inbound_rules": [{"protocol": "tcp", "ports": "22", "sources": {"addresses": ["198.51.100.7"]}}],
    }


def test_it_goes_by_the_tag_that_the_program_gives_its_droplet(update: Rehearsal) -> None:
    tag = settings().name
    assert update.only("digitalocean:index/droplet:Droplet").inputs["tags"] == [tag]
    assert update.only("digitalocean:index/firewall:Firewall").inputs["name"] == tag


@pytest.mark.parametrize(("seconds", "over"), [(-1, False), (0, True), (1, True)])
def test_it_is_over_at_its_moment(seconds: int, over: bool) -> None:
    assert Opening("auren-prod", "ada", NOW).over(NOW + timedelta(seconds=seconds)) is over


@pytest.mark.parametrize(
    ("firewall", "said"),
    [
        (_firewall("auren-prod", tags=("auren-prod",)), None),
        (_firewall("auren-prod-access-ada-until-20261125T183001Z", tags=("auren-prod",)), None),
        (_firewall("other", tags=("web",), droplets=(8,)), None),
        # The names of openings, and more than an opening lets in, or for longer.
        (
            _firewall(
                "auren-prod-access-ada-until-20261125T183001Z",
                tags=("auren-prod",),
                inbound=("tcp all from 0.0.0.0/0",),
            ),
            "The firewall auren-prod-access-ada-until-20261125T183001Z is not part of this stack",
        ),
        (_firewall("auren-prod-access-ada-until-20991231T235959Z", tags=("auren-prod",)), "is not part of this stack"),
        (
            _firewall("by-hand", tags=("auren-prod",), inbound=tuple(f"tcp {port} from x" for port in range(1, 15))),
            "tcp 10 from x; 4 more. Repair",
        ),
        (_firewall("auren-prod-access-ada-until-20261125T183000Z", tags=("auren-prod",)), "which expired at 2026-"),
        # Its tag was deleted and made again: it is found by its name.
        (
            _firewall("auren-prod-access-ada-until-20261125T183000Z"),
            "`python -m auren_infra access close --stack prod`",
        ),
        (_firewall("by-hand", tags=("web", "auren-prod")), "The firewall by-hand is not part of this stack"),
        (_firewall("by-hand", droplets=(9, 7)), "tcp 22 from 198.51.100.7. Repair: delete it"),
    ],
)
def test_a_firewall_that_lets_in_more_than_the_stack_says_is_told(firewall: Firewall, said: str | None) -> None:
    lines = opening.strangers("auren-prod", [firewall], [7], NOW)
    assert len(lines) == (said is not None)
    assert (said or "") in "".join(lines)
