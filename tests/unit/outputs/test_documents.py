"""`--from FILE`: a document as whatever program has written it, or one clear sentence."""

import codecs
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auren_infra import outputs
from auren_infra.outputs.__main__ import main
from auren_infra.outputs.source import LONGEST_DOCUMENT
from tests.unit.configuration import ROOT
from tests.unit.rehearsal import Rehearsal

Encode = Callable[[str], bytes]


@pytest.fixture
def given(update: Rehearsal) -> dict[str, Any]:
    return {**update.outputs, "sshPrivateKey": outputs.HIDDEN, "note": "für Ada 日本"}


READABLE = {
    "as pulumi prints it": str.encode,
    "with a byte-order mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "PowerShell's `>`": lambda text: codecs.BOM_UTF16_LE + text.replace("\n", "\r\n").encode("utf-16-le"),
    "UTF-16, the other way round": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "UTF-16 without a mark, the other way round": lambda text: text.encode("utf-16-be"),
    "UTF-32": lambda text: text.encode("utf-32"),
    "lines of Windows": lambda text: text.replace("\n", "\r\n").encode(),
    "blank lines around it": lambda text: f"\n\n{text}\n\n".encode(),
}


@pytest.mark.parametrize("kind", READABLE)
def test_it_is_read_as_whatever_has_written_it(
    kind: str,
    given: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    content = READABLE[kind](json.dumps(given, indent=2, ensure_ascii=False))
    file = tmp_path / "outputs.json"
    file.write_bytes(content)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content), encoding="ascii"))
    for origin in (str(file), "-"):
        assert main(["--from", origin, "--format", "dotenv"]) == 0
        assert "VITE_DOMAIN=aupex.ai\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b" \r\n\t", "is empty"),
        (codecs.BOM_UTF8, "is empty"),
        (codecs.BOM_UTF16_LE, "is empty"),
        ('{"domain": "für"}'.encode("latin-1"), "is no text in UTF-8 or UTF-16"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "is no text in UTF-8 or UTF-16"),
        (bytes(range(256)), "is no text in UTF-8 or UTF-16"),
        (b"\x1f\x8b\x08\x00", "is no text in UTF-8 or UTF-16"),
        (codecs.BOM_UTF16_LE + b"{", "is no text in UTF-8 or UTF-16"),
        (b"\0" * 100, "holds no JSON"),
        (b"Current stack outputs (11):\n", "holds no JSON"),
        (b'{"version": 1', "holds no JSON"),
        (b"{'version': 1}", "holds no JSON"),
        (b'{"version": 1} {"version": 1}', "holds no JSON"),
        (b"[" * 200_000, "holds no JSON"),
        (b'{"version": ' + b"1" * 5_000 + b"}", "holds no JSON"),
        (b"null", "has not the outputs of this program"),
        (b'"text"', "has not the outputs of this program"),
        (b"1", "has not the outputs of this program"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(
    content: bytes, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "given"
    file.write_bytes(content)
    assert main(["--from", str(file), "--format", "json"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"error: {file} {reason}")
    assert "codec" not in shown.err
    assert "Traceback" not in shown.err
    assert len(shown.err) < 1_000


def test_a_directory_a_missing_file_and_a_locked_one_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, reason in ((tmp_path, "Is a directory"), (tmp_path / "none", "No such file or directory")):
        assert main(["--from", str(name), "--format", "json"]) == 1
        assert capsys.readouterr().err == f"error: {name} cannot be read: {reason}.\n"
    monkeypatch.setattr("sys.stdin", None)
    assert main(["--from", "-", "--format", "json"]) == 1
    assert capsys.readouterr().err == "error: Standard input cannot be read: it is closed.\n"


def test_no_more_is_read_than_outputs_can_have(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "large"
    with file.open("wb") as writing:
        writing.truncate(LONGEST_DOCUMENT + 1)
    assert main(["--from", str(file), "--format", "json"]) == 1
    assert capsys.readouterr().err.startswith(f"error: {file} has more than 16 MB; ")


def test_a_pipe_is_read(given: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """As a shell makes one of `<(pulumi stack output --json)`."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as file:
        file.write(json.dumps({**given, "note": ""}).encode())
    assert main(["--from", f"/dev/fd/{reading}", "--format", "dotenv"]) == 0
    os.close(reading)
    assert "VITE_DOMAIN=aupex.ai\n" in capsys.readouterr().out


def test_what_pulumi_prints_is_utf_8_whatever_the_locale(given: dict[str, Any], tmp_path: Path) -> None:
    program = tmp_path / "pulumi"
    (tmp_path / "outputs.json").write_text(json.dumps({**given, "domain": "für.example"}, ensure_ascii=False))
    program.write_text(f"#!/bin/sh\ncat {tmp_path}/outputs.json\n")
    program.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "LC_ALL": "C",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONUTF8": "0",
        "PYTHONIOENCODING": "utf-8",
    }
    command = [sys.executable, "-m", "auren_infra", "outputs", "--format", "dotenv"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=False, timeout=60
    )
    assert "VITE_DOMAIN=für.example\n" in done.stdout, done.stderr


def test_of_many_faults_the_first_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "given").write_text(json.dumps({"services": {f"service-{n}": {} for n in range(500)}}))
    assert main(["--from", str(tmp_path / "given"), "--format", "json"]) == 1
    shown = capsys.readouterr().err.splitlines()
    assert len(shown) < 30
    assert re.fullmatch("  and [0-9]+ more", shown[-1])
