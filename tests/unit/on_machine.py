"""A machine that answers what a test tells it to: a `pulumi` and an `ssh` on PATH."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.rehearsal import Rehearsal

_PULUMI = """
case "$*" in
*missing*) echo "no stack named" >&2; exit 255 ;;
"stack output"*--show-secrets*) cat shown ;;
*) exit 98 ;;
esac
"""
_SSH = r"""
eval "words=\${$#}"
printf '%s\n' "$words" >>asked
eval "set -- $words"
shift 2
answer="said/$1 $2"
[ "$1" = auren-backup ] || [ "$1" = auren-restore ] || answer="said/$1"
if [ ! -d "$answer" ]; then
    echo "env: '$1': No such file or directory" >&2
    exit 127
fi
[ ! -d "$answer/then" ] || { rm -r said/cat; cp -r "$answer/then" said/cat; }
cat "$answer/output"
cat "$answer/error" >&2
exit "$(cat "$answer/status")"
"""
"""As the machine's shell takes the words apart: `env LC_ALL=C PROGRAM WORD…`. An answer is of a program and its first
word, and of another program than AUREN's alone. A program without an answer is not there."""


@dataclass(frozen=True)
class OnMachine:
    directory: Path

    def says(self, program: str, output: str = "", *, error: str = "", status: int = 0) -> None:
        _write(self.directory / "said" / program, output, error, status)

    def then(self, program: str, output: str) -> None:
        """`cat` finds this when the program has run."""
        _write(self.directory / "said" / program / "then", output, "", 0)

    @property
    def asked(self) -> list[list[str]]:
        """The words of each call."""
        path = self.directory / "asked"
        return [shlex.split(line)[2:] for line in path.read_text().splitlines()] if path.exists() else []


def _write(directory: Path, output: str, error: str, status: int) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in {"output": output, "error": error, "status": str(status)}.items():
        (directory / name).write_text(text)


def answering(directory: Path, monkeypatch: pytest.MonkeyPatch, update: Rehearsal) -> OnMachine:
    (directory / "bin").mkdir()
    (directory / "said").mkdir()
    for name, body in {"pulumi": _PULUMI, "ssh": _SSH}.items():
        program = directory / "bin" / name
        program.write_text(f"#!/bin/sh\nset -e\ncd {shlex.quote(str(directory))}\n{body}")
        program.chmod(0o755)
    (directory / "shown").write_text(json.dumps(update.outputs))
    monkeypatch.setenv("PATH", f"{directory / 'bin'}:/usr/bin:/bin")
    return OnMachine(directory)
