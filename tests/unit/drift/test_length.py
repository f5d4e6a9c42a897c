"""A report of many differences: it fits into an issue, and what matters is in it."""

import re
import shlex

import pytest

from auren_infra.drift import length
from auren_infra.drift.__main__ import report
from auren_infra.drift.finding import Finding, again

ISSUE = 65_536
WEBSITE = "urn:pulumi:prod::auren::auren:host:Configuration$command:remote:Command::auren-prod-website"


def _urn(name: object) -> str:
    return f"urn:pulumi:prod::auren::auren:host:Configuration$command:remote:Command::auren-prod-{name}"


def _files(count: int, urn: str = WEBSITE) -> list[Finding]:
    return [Finding(f"/opt/auren/website/{number:04}.html", "was not deployed", urn) for number in range(count)]


def test_few_differences_are_told_each_and_repaired_by_one_command() -> None:
    found = [*_files(3), Finding("auren-redis", "is gone", _urn("redis"))]
    text = report(found, "prod")
    assert text.splitlines() == [
        *(finding.line("prod") for finding in found),
        "",
        "To repair all of it, in this order:",
        "1. Here:",
        f"     {again([WEBSITE, _urn('redis')], 'prod')}",
    ]


def test_what_is_left_out_is_counted_by_what_repairs_it() -> None:
    by_hand = [Finding("UFW", f"holds a rule `{n}`", by_hand=f"ufw delete allow {n}/tcp") for n in range(300)]
    text = report([*_files(500), *by_hand], "prod")
    shown = text.count(" Repair: ")
    assert f"\n{800 - shown} more differences are left out here:\n" in text
    files, rules = (int(count) for count in re.findall("^  ([0-9]+) ", text, re.MULTILINE))
    assert files + rules == 800 - shown
    assert f"  {files} repaired by `auren-prod-website`\n  {rules} to be repaired by hand\n" in text
    assert text.count("was not deployed") + files == 500


def test_no_kind_of_difference_is_hidden_behind_many_of_another() -> None:
    """In the order of repairs, containers come last."""
    others = [
        Finding("UFW", "is not active", _urn("machine-firewall")),
        *_files(2000),
        *(Finding(f"/opt/auren/{n}", "is gone", _urn(n)) for n in range(400)),
        Finding("auren-stranger", "is a container that was not deployed", by_hand="docker rm --force auren-stranger"),
        Finding("auren-redis", "is gone: there is no such container", _urn("redis")),
    ]
    text = report(others, "prod")
    for where in ("UFW is", "auren-stranger is", "auren-redis is", "/opt/auren/website/0000.html was"):
        assert f"\n{where}" in f"\n{text}"
    shown = [line.split()[0] for line in text.splitlines() if " Repair: " in line]
    assert shown[-2:] == ["auren-stranger", "auren-redis"], "what is shown keeps the order of the repairs"


@pytest.mark.parametrize(
    "found",
    [
        _files(400),
        [Finding(f"/opt/auren/{n}", "is gone", _urn(n)) for n in range(400)],
        [Finding(f"/opt/auren/{n}", "is gone", _urn(f"{n}-{'x' * 3000}")) for n in range(50)],
        [Finding("ö" * 9000, "日" * 9000, _urn(n), "🌈" * 200) for n in range(400)],
        [Finding(f"auren-{n}", "is a container", by_hand=f"docker rm --force auren-{n}") for n in range(9000)],
    ],
)
def test_it_fits_into_an_issue_beside_what_the_clouds_say(found: list[Finding]) -> None:
    text = report(found, "organization/auren/prod")
    assert len(text.encode()) <= length.LONGEST <= ISSUE // 2
    assert text.endswith("\n")
    assert "left out here" in text
    assert " Repair: " in text


def test_a_command_for_many_fits_a_command_line_or_is_several() -> None:
    urns = [_urn(n) for n in range(60)]
    commands = length.commands(urns, "prod")
    assert len(commands) > 1
    words = [shlex.split(command) for command in commands]
    assert all(line[:4] == ["pulumi", "up", "--stack", "prod"] for line in words)
    assert [urn for line in words for urn in line[5::2]] == urns
    assert max(map(len, commands)) <= length.LONGEST_COMMAND < 4_096, "what a terminal passes on as one line"


def test_the_commands_that_are_left_out_are_counted() -> None:
    *commands, rest = length.commands([_urn(n) for n in range(400)], None)
    shown = sum(command.count("--target-replace") for command in commands)
    assert rest == f"(and {400 - shown} more; look again after these)"
    assert shown > 60
