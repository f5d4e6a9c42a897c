"""`python -m auren_infra rollback` and `releases` as they are typed, with a `pulumi` and an `ssh` on PATH."""

import json
import shlex
from pathlib import Path

import pytest

from auren_infra.__main__ import main
from auren_infra.host.machine import script
from tests.unit.drift.machine import export
from tests.unit.rehearsal import NAME, Rehearsal

PULUMI = """
case "$*" in
*missing*) echo "no stack named" >&2; exit 255 ;;
"stack output"*--show-secrets*) cat shown ;;
"stack export"*) cat exported ;;
"state "*) [ ! -e locked ] || { echo "the stack is currently locked" >&2; exit 255; }; echo "$*" >marked ;;
*) exit 98 ;;
esac
"""
SSH = """
eval "words=\\${$#}"
printf '%s\\n' "$words" >asked
eval "set -- $words"
[ ! -e said-"$3" ] || cat said-"$3"
[ ! -e fault ] || { cat fault >&2; exit "$(cat status)"; }
"""
"""As the machine's shell takes the words apart: `env LC_ALL=C PROGRAM ARGUMENT…`."""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update: Rehearsal) -> Path:
    """The directory in which they find their answers, and leave what they were asked."""
    (tmp_path / "bin").mkdir()
    for name, body in {"pulumi": PULUMI, "ssh": SSH}.items():
        program = tmp_path / "bin" / name
        program.write_text(f"#!/bin/sh\nset -e\ncd {shlex.quote(str(tmp_path))}\n{body}")
        program.chmod(0o755)
    (tmp_path / "shown").write_text(json.dumps(update.outputs))
    (tmp_path / "exported").write_text(export(update))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return tmp_path


def _asked(programs: Path) -> list[str]:
    return shlex.split((programs / "asked").read_text())


def _fails(programs: Path, status: int, said: str) -> None:
    (programs / "fault").write_text(f"{said}\n")
    (programs / "status").write_text(f"{status}\n")


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        (["rollback", "--service", "api"], ["auren-rollback", "api"]),
        (["rollback", "--stack", "prod", "--service", "api", "--to", "0a"], ["auren-rollback", "api", "0a"]),
        (["rollback", "--service", "$(reboot)", "--to", "a b; 'c"], ["auren-rollback", "$(reboot)", "a b; 'c"]),
        (["releases"], ["auren-releases"]),
        (["releases", "--service", "api; reboot"], ["auren-releases", "api; reboot"]),
    ],
    ids=["the one before", "a named one", "a shell's words", "all", "one service"],
)
def test_the_machine_gets_the_words_as_they_were_typed(programs: Path, typed: list[str], sent: list[str]) -> None:
    assert main(typed) == 0
    assert _asked(programs) == ["env", "LC_ALL=C", *sent]


def test_what_the_machine_prints_is_shown(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (programs / "said-auren-rollback").write_text("auren-api runs 00000000000000aa, of api:1\n")
    assert main(["rollback", "--service", "api"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "auren-api runs 00000000000000aa, of api:1\n"
    assert "take the change back in the repository" in shown.err
    (programs / "said-auren-releases").write_text("SERVICE  RELEASE\n")
    assert main(["releases"]) == 0
    assert capsys.readouterr() == ("SERVICE  RELEASE\n", "")


@pytest.mark.parametrize("typed", [["rollback", "--service", "api"], ["releases"]], ids=" ".join)
def test_what_the_machine_refuses_is_no_success(
    programs: Path, capsys: pytest.CaptureFixture[str], typed: list[str]
) -> None:
    _fails(programs, 1, "api has no earlier release on this machine.")
    assert main(typed) == 1
    assert capsys.readouterr() == ("", "error: api has no earlier release on this machine.\n")
    _fails(programs, 255, "Connection timed out")
    assert main(typed) == 2
    assert "The machine cannot be reached over SSH:\nConnection timed out\n" in capsys.readouterr().err
    assert main([*typed, "--stack", "missing"]) == 2
    assert "no stack named" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("release", "marked", "said"),
    [
        ("00000000000000aa", "taint", "The next preview shows it"),
        ("00000000000000bb", "untaint", "was deployed with last"),
    ],
    ids=["an earlier release", "the deployed release"],
)
def test_the_state_is_marked_for_the_next_preview(
    programs: Path, capsys: pytest.CaptureFixture[str], release: str, marked: str, said: str
) -> None:
    started = json.loads((programs / "exported").read_text())
    (api,) = [each for each in started["deployment"]["resources"] if each["urn"].endswith(f"::{NAME}-api")]
    api["inputs"]["stdin"] = f"{script('start_first')}00000000000000bb 2026-01-01T00:00:00Z"
    (programs / "exported").write_text(json.dumps(started))
    (programs / "said-auren-rollback").write_text(f"auren-api runs {release}, of api:1\n")
    assert main(["rollback", "--stack", "prod", "--service", "api"]) == 0
    assert said in capsys.readouterr().err
    assert (programs / "marked").read_text() == f"state {marked} {api['urn']} --yes --non-interactive --stack prod\n"


def test_a_state_that_cannot_be_marked_makes_no_failure_of_a_rollback(
    programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (programs / "said-auren-rollback").write_text("auren-api runs 00000000000000aa, of api:1\n")
    (programs / "locked").touch()
    assert main(["rollback", "--service", "api"]) == 0
    told = capsys.readouterr().err
    assert "the next preview does not show the rollback. Drift does.\n" in told
    assert "the stack is currently locked" in told


def test_a_rollback_names_its_service(programs: Path) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["rollback", "--stack", "prod"])
    assert not (programs / "asked").exists()
