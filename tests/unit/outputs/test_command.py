"""`python -m auren_infra outputs` as it is typed, with a `pulumi` on PATH that only prints."""

import io
import json
import shlex
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auren_infra import outputs
from auren_infra.outputs.__main__ import FILES, Format, main
from tests.unit.rehearsal import NAME, Rehearsal

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def given(update: Rehearsal) -> dict[str, Any]:
    """The outputs as `pulumi stack output --json` prints them."""
    return {**update.outputs, "sshPrivateKey": outputs.HIDDEN}


@pytest.fixture
def private_key(update: Rehearsal) -> str:
    return update.outputs["sshPrivateKey"]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)

    def typed(*arguments: str) -> tuple[int, str, str]:
        status = main(arguments)
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return typed


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], update: Rehearsal) -> Path:
    """Stands in for the engine's command line; the file holds what it was called with."""
    (tmp_path / "hidden.json").write_text(json.dumps(given))
    (tmp_path / "shown.json").write_text(json.dumps(update.outputs))
    called = tmp_path / "called"
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    folder = shlex.quote(str(tmp_path))
    program.write_text(
        f'#!/bin/sh\ncd {folder}\necho "$*" >called\n'
        'case "$*" in *--show-secrets*) cat shown.json ;; *missing*) echo "no stack named" >&2; exit 255 ;;\n'
        "*) cat hidden.json ;; esac\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return called


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("wanted", list(Format))
def test_no_format_asks_for_secrets_or_shows_one(run: Run, pulumi: Path, private_key: str, wanted: Format) -> None:
    status, shown, _ = run("--stack", "prod", "--format", wanted)
    assert status == 0
    assert shown
    assert private_key.strip() not in shown
    assert pulumi.read_text() == "stack output --json --non-interactive --stack prod\n"


def test_the_selected_stack_is_read_when_none_is_named(run: Run, pulumi: Path) -> None:
    assert run("--format", "dotenv")[0] == 0
    assert "--stack" not in pulumi.read_text()


@pytest.mark.parametrize(
    ("typed", "asked"), [("auren/prod", "prod"), ("organization/auren/prod", "organization/auren/prod")]
)
def test_a_stacks_name_is_understood_as_the_engine_prints_it(run: Run, pulumi: Path, typed: str, asked: str) -> None:
    assert run("--stack", typed, "--format", "dotenv")[0] == 0
    assert pulumi.read_text().endswith(f" --stack {asked}\n")


def test_a_stack_of_another_project_is_refused(run: Run, pulumi: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        run("--stack", "organization/other/prod", "--format", "dotenv")
    assert "is a stack of the project other, and this project is auren" in capsys.readouterr().err
    assert not pulumi.exists()


def test_json_hides_a_secret_that_it_was_given(run: Run, pulumi: Path, given: dict[str, Any]) -> None:
    status, shown, _ = run("--from", "shown.json", "--format", "json")
    assert (status, json.loads(shown)) == (0, given)
    assert not pulumi.exists()


def test_standard_input_is_read(run: Run, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(given)))
    assert run("--from", "-", "--format", "dotenv")[1].startswith("VITE_API_URL=https://aupex.ai/api\n")


def test_the_key_is_written_for_its_owner_only_and_named(
    run: Run, pulumi: Path, tmp_path: Path, private_key: str
) -> None:
    key = tmp_path / "keys" / "auren"
    key.parent.mkdir()
    key.touch(mode=0o644)
    status, shown, _ = run("--stack", "prod", "--format", "ssh", "--write-key", "keys/auren")
    assert status == 0
    assert key.read_text() == private_key.rstrip("\n") + "\n"
    assert _mode(key) == 0o600
    assert f'IdentityFile "{key}"' in shown
    assert private_key.strip() not in shown
    assert "--show-secrets" in pulumi.read_text()
    assert [each.name for each in key.parent.iterdir()] == ["auren"]


def test_a_key_that_the_stack_does_not_keep_is_not_written(
    run: Run, pulumi: Path, tmp_path: Path, given: dict[str, Any]
) -> None:
    (tmp_path / "kept.json").write_text(json.dumps(given | {"sshPrivateKey": ""}))
    status, shown, said = run("--from", "kept.json", "--format", "ssh", "--write-key", "key")
    assert (status, shown) == (1, "")
    assert "auren:deployKey names the key, and whoever deploys has it in an SSH agent" in said
    assert not (tmp_path / "key").exists()


def test_a_key_that_was_not_shown_is_not_written(run: Run, pulumi: Path, tmp_path: Path) -> None:
    status, shown, said = run("--from", "hidden.json", "--format", "ssh", "--write-key", "key")
    assert (status, shown) == (1, "")
    assert "add --show-secrets" in said
    assert not (tmp_path / "key").exists()


@pytest.mark.parametrize("wanted", list(Format))
def test_files_lie_in_the_directory_and_stay_readable(run: Run, pulumi: Path, tmp_path: Path, wanted: Format) -> None:
    for _ in range(2):
        assert run("--stack", "prod", "--format", wanted, "--output", "tools") == (0, "", "")
    directory = tmp_path / "tools"
    known_hosts = {"known_hosts"} if wanted in (Format.SSH, Format.ANSIBLE) else set()
    assert {each.name for each in directory.iterdir()} == {FILES[wanted], *known_hosts}
    assert {_mode(each) for each in directory.iterdir()} == {0o644}
    if known_hosts:
        assert str(directory / "known_hosts") in (directory / FILES[wanted]).read_text()
        assert (directory / "known_hosts").read_text().startswith(f"{NAME},")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nothing", "holds no JSON"),
        ("{}", "its first `pulumi up` has not succeeded yet"),
        ("[]", "has not the outputs of this program"),
        ('{"version": 7}', "outputs of version 7, and this program is for version"),
        ('{"sshPrivateKey": 4711}', "  version: Field required"),
    ],
)
def test_what_is_no_outputs_is_told_without_its_values(run: Run, tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "given").write_text(text)
    status, shown, said = run("--from", "given", "--format", "json")
    assert (status, shown) == (1, "")
    assert said.startswith("error: given ")
    assert reason in said
    assert "4711" not in said


def test_what_pulumi_says_is_passed_on(run: Run, pulumi: Path) -> None:
    status, _, said = run("--stack", "missing", "--format", "json")
    assert status == 1
    assert "no stack named" in said


def test_a_missing_pulumi_is_named(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    status, _, said = run("--format", "json")
    assert status == 1
    assert "no pulumi on PATH" in said


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--stack", "prod"], "--format is missing: one of ssh, ansible, dotenv, prometheus, json"),
        (["--format", "json", "--write-key", "key"], "--write-key goes with --format ssh or ansible"),
        (["--format", "json", "--stack", "prod", "--from", "-"], "not allowed with"),
        (["--format", "xml"], "invalid"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert reason in capsys.readouterr().err
