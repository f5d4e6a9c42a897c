"""`python -m auren_infra access`: SSH is open to one address while somebody asked for it, and to nobody afterwards."""

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

import httpx
import pytest

from auren_infra.access import digitalocean
from auren_infra.access.__main__ import main
from auren_infra.access.opening import Opening
from auren_infra.apis.http import CloudError
from tests.sandbox.clouds.resources import droplet
from tests.unit.access.conftest import TAG, Cloud

Access = Callable[..., tuple[int, str]]
OWN = ("198.51.100.1", 22)
"""The address that the simulated internet sees this machine at."""
WEBSITE = ("0.0.0.0/0", 80)
OVER = "20200101T000000Z"


def test_whoever_deploys_is_let_in_and_shut_out_again(cloud: Cloud, access: Access) -> None:
    assert cloud.let_in() == {WEBSITE}
    status, said = access("open")
    assert status == 0
    assert re.fullmatch(
        r"SSH of auren-prod is open to 198\.51\.100\.1 until \d{4}-\d\d-\d\d \d\d:\d\d UTC\. Close it before: "
        r"`python -m auren_infra access close --stack prod --for run\.4711\.2`\n",
        said,
    )
    assert cloud.let_in() == {WEBSITE, OWN}
    assert access("close") == (0, "Closed: the opening for run.4711.2 (tcp 22 from 198.51.100.1).\n")
    assert cloud.let_in() == {WEBSITE}
    assert cloud.firewalls() == [TAG]


def test_an_address_can_be_named(cloud: Cloud, access: Access) -> None:
    access("open", "--address", "10.1.2.3", "--for", "ada", "--minutes", "5")
    assert cloud.let_in() == {WEBSITE, ("10.1.2.3", 22)}
    until = datetime.strptime(cloud.firewalls()[1].rpartition("-")[2], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert timedelta(minutes=4) < until - datetime.now(UTC) <= timedelta(minutes=5)
    access("close", "--for", "ada")
    assert cloud.let_in() == {WEBSITE}


def test_closing_what_is_not_open_is_no_error(cloud: Cloud, access: Access) -> None:
    assert access("close") == (0, "SSH of auren-prod was not open for run.4711.2.\n")
    assert cloud.let_in() == {WEBSITE}


def test_opening_again_renews_and_leaves_one_opening(cloud: Cloud, access: Access) -> None:
    access("open", "--address", "10.0.0.1", "--minutes", "10")
    status, said = access("open", "--address", "10.0.0.2", "--minutes", "20")
    assert status == 0
    assert "Closed: the opening for run.4711.2 (tcp 22 from 10.0.0.1).\n" in said
    assert cloud.let_in() == {WEBSITE, ("10.0.0.2", 22)}
    assert len(cloud.firewalls()) == 2


def test_openings_of_others_stay(cloud: Cloud, access: Access) -> None:
    access("open", "--for", "ada", "--address", "10.0.0.1")
    access("open")
    access("close")
    assert cloud.let_in() == {WEBSITE, ("10.0.0.1", 22)}


@pytest.mark.parametrize("command", ["open", "close"])
def test_what_is_past_its_time_is_closed_by_the_next_that_comes_by(cloud: Cloud, access: Access, command: str) -> None:
    """Its own job may have died without closing it."""
    cloud.add_firewall(f"{TAG}-access-dead.run-until-{OVER}")
    cloud.add_firewall(f"{TAG}-2-access-dead.run-until-{OVER}", address="10.2.2.2")
    status, said = access(command)
    assert status == 0
    closed = "Closed: the opening for dead.run (tcp 22 from 10.9.9.9); it was past its time, 2020-01-01 00:00 UTC.\n"
    assert closed in said
    assert ("10.9.9.9", 22) not in cloud.let_in()
    assert ("10.2.2.2", 22) in cloud.let_in(), "an opening of the stack prod-2"


def test_a_machine_that_is_only_about_to_be_made_will_let_in_who_makes_it(empty: Cloud, access: Access) -> None:
    """Before the first deployment there is neither a droplet nor its tag."""
    status, said = access("open")
    assert status == 0
    assert "No droplet is tagged auren-prod yet" in said
    assert [tag["name"] for tag in empty.client.tags.list()["tags"]] == [TAG]
    empty.client.tags.create({"name": TAG})  # as the deployment does
    droplet(empty.client, tags=[TAG])
    assert empty.let_in() == {OWN}


def test_check_tells_of_what_else_lets_in_and_changes_nothing(cloud: Cloud, access: Access) -> None:
    assert access("check") == (0, "No other firewall lets anybody in to auren-prod.\n")
    access("open")
    status, said = access("check")
    assert status == 0, "an opening that counts"
    assert said.splitlines()[0].endswith(" UTC: the opening for run.4711.2 (tcp 22 from 198.51.100.1).")
    (machine,) = cloud.machines.droplets
    cloud.add_firewall(f"{TAG}-access-dead.run-until-{OVER}")
    cloud.add_firewall("by-hand", "5432", "0.0.0.0/0", tags=[], droplet_ids=[machine])
    before = cloud.firewalls()
    status, said = access("check")
    assert status == 1
    late, stranger = sorted(line.partition(" Repair: ")[0] for line in said.splitlines()[1:])
    assert late.startswith(f"SSH is still open by the firewall {TAG}-access-dead.run-until-{OVER}, which expired at ")
    assert late.endswith("expired at 2020-01-01 00:00 UTC: tcp 22 from 10.9.9.9.")
    assert stranger == (
        "The firewall by-hand is not part of this stack and opens more of its droplet: tcp 5432 from 0.0.0.0/0."
    )
    assert cloud.firewalls() == before


def test_all_pages_of_a_list_are_read(cloud: Cloud, access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auren_infra.apis.digitalocean._PER_PAGE", 2)
    for number in range(4):
        cloud.add_firewall(f"{TAG}-access-dead.{number}-until-{OVER}")
    access("close")
    assert cloud.firewalls() == [TAG]


def test_a_stack_that_no_droplet_belongs_to_is_not_checked(cloud: Cloud, access: Access) -> None:
    status, said = access("check", stack="prodd")
    assert (status, "No droplet is tagged auren-prodd, so nothing was checked." in said) == (2, True)


def test_a_stack_that_was_renamed_is_named_by_what_its_resources_are_called(cloud: Cloud, access: Access) -> None:
    cloud.client.tags.create({"name": "old-name"})
    status, said = access("open", named=("--name", "old-name"))
    assert status == 0
    assert "close --name old-name --for run.4711.2`" in said
    assert access("close", named=("--name", "old-name"))[1].startswith("Closed: the opening for run.4711.2")


def test_the_engines_name_of_a_stack_is_understood(cloud: Cloud, access: Access) -> None:
    access("open", stack="organization/auren/prod")
    assert cloud.let_in() == {WEBSITE, OWN}


def _fault(cloud: Cloud, **fault: object) -> None:
    assert httpx.post(f"{cloud.clouds.url}/_sandbox/faults", json=fault, timeout=5).is_success


@pytest.mark.parametrize("command", ["open", "close", "check"])
def test_throttling_and_server_errors_are_waited_out(cloud: Cloud, access: Access, command: str) -> None:
    access("open")
    for status in (429, 500, 502):
        _fault(cloud, path="/v2/.*", status=status)
    assert access(command)[0] == 0


def test_a_request_whose_answer_was_lost_is_sent_again_and_makes_one_firewall(cloud: Cloud) -> None:
    api = digitalocean.of_environment(os.environ)
    wanted = Opening("auren-prod", "ada", datetime(2026, 11, 25, tzinfo=UTC))
    first = api.create_firewall(wanted.request(IPv4Address("10.0.0.1")))
    assert api.create_firewall(wanted.request(IPv4Address("10.0.0.1"))).id == first.id
    with pytest.raises(CloudError, match="with 409: duplicate name"):
        api.create_firewall(wanted.request(IPv4Address("10.0.0.2")))
    api.delete_firewall(first.id)
    api.delete_firewall(first.id)
    assert cloud.firewalls() == [TAG]


def test_an_opening_that_does_not_come_into_force_is_deleted_again(cloud: Cloud, access: Access) -> None:
    cloud.machines.broken.add("apply_firewalls")
    status, said = access("open")
    assert status == 2
    assert "did not bring the firewall auren-prod-access-run.4711.2-until-" in said
    assert cloud.firewalls() == [TAG]


def test_a_close_that_fails_says_that_ssh_may_still_be_open(cloud: Cloud, access: Access) -> None:
    access("open")
    _fault(cloud, path="/v2/firewalls/.*", method="DELETE", status=503, times=1000)
    status, said = access("close")
    assert status == 2
    assert said.startswith("error: DigitalOcean answered DELETE /v2/firewalls/")
    assert "SSH of auren-prod may still be open. Close it again, or delete the firewalls whose names begin with" in said
    assert cloud.let_in() == {WEBSITE, OWN}


def test_the_nightly_looks_token_opens_closes_and_checks(
    cloud: Cloud, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGITALOCEAN_TOKEN", cloud.clouds.tokens.digitalocean_firewalls)
    assert [access(command)[0] for command in ("open", "check", "close")] == [0, 0, 0]


def test_a_previews_token_checks_and_opens_nothing(
    cloud: Cloud, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGITALOCEAN_TOKEN", cloud.clouds.tokens.digitalocean_read_only)
    assert access("check")[0] == 0
    status, said = access("open")
    assert status == 2
    assert said.startswith("error: The DigitalOcean token may not POST /v2/firewalls. It needs the scopes firewall:")
    assert cloud.let_in() == {WEBSITE}


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"DIGITALOCEAN_TOKEN": ""}, "DIGITALOCEAN_TOKEN is not set. It needs the scopes firewall:read, "),
        ({"DIGITALOCEAN_TOKEN": "dop_v1_0"}, "DigitalOcean does not know this token: set DIGITALOCEAN_TOKEN"),
        (
            {"DIGITALOCEAN_API_URL": "http://127.0.0.1:9"},
            "http://127.0.0.1:9/v2/firewalls?per_page=200&page=1 does not",
        ),
        (
            {"CLOUDFLARE_BASE_URL": "http://127.0.0.1:9/x"},
            "unknown: http://127.0.0.1:9/cdn-cgi/trace does not answer: ",
        ),
    ],
)
def test_what_is_missing_is_one_sentence(
    cloud: Cloud, access: Access, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    status, printed = access("open")
    assert status == 2
    assert printed.startswith("error: ")
    assert printed.count("\n") == 1
    assert said in printed
    assert cloud.let_in() == {WEBSITE}


def test_the_other_variable_for_the_token_counts_too(
    cloud: Cloud, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGITALOCEAN_ACCESS_TOKEN", cloud.clouds.tokens.digitalocean)
    monkeypatch.delenv("DIGITALOCEAN_TOKEN")
    assert access("check")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["open", "--stack", "prod", "--address", "2001:db8::1"], "is no IPv4 address, and the machine has no IPv6"),
        (["open", "--stack", "prod", "--address", "0.0.0.0/0"], "is no IPv4 address"),
        (["open", "--stack", "prod", "--address", "198.51.100.0/24"], "is no IPv4 address"),
        (["open", "--stack", "prod", "--address", "0.0.0.0"], "no client connects from 0.0.0.0"),
        (["open", "--stack", "prod", "--address", "127.0.0.1"], "no client connects from 127.0.0.1"),
        (["open", "--stack", "prod", "--minutes", "0"], "'0' is no whole number of minutes from 1 to 720"),
        (["open", "--stack", "prod", "--minutes", "721"], "'721' is no whole number"),
        (["open", "--stack", "prod", "--minutes", "1.5"], "'1.5' is no whole number"),
        (["open", "--stack", "prod", "--for", "two words"], "'two words' cannot be in a firewall's name"),
        (["open", "--stack", "prod", "--for", "a-b"], "'a-b' cannot be in a firewall's name"),
        (["close", "--stack", "Prod"], "'Prod' is no stack of AUREN"),
        (["close", "--stack", ""], "'' cannot be a stack's name"),
        (["close", "--stack", "organization/other/prod"], "is a stack of the project other, and this project is auren"),
        (["close"], "one of the arguments --stack --name is required"),
        (["close", "--stack", "prod", "--name", "auren-old"], "not allowed with argument --stack"),
        (["close", "--name", "Auren"], "'Auren' is no auren:name"),
        (["shut", "--stack", "prod"], "invalid choice: 'shut'"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_asked(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGITALOCEAN_API_URL", "http://127.0.0.1:9")
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_people_are_told_apart_by_their_name_and_machine(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_RUN_ID")
    monkeypatch.setattr("getpass.getuser", lambda: "Ada.Lovelace")
    monkeypatch.setattr("socket.gethostname", lambda: "Adas-MacBook.local")
    assert main(["open", "--stack", "prod"]) == 0
    assert f"{TAG}-access-ada.lovelace.adas.macbook.local-until-" in cloud.firewalls()[1]
