"""`python -m auren_infra COMMAND` as it is typed: one table of commands, their helps, and the calls of version 0."""

import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from auren_infra import __version__
from auren_infra.__main__ import COMMANDS, main
from tests.tree import ROOT, files

SUBCOMMANDS = [
    *(("access", name) for name in ("open", "close", "check")),
    *(("backup", name) for name in ("now", "list", "check", "fetch", "drill", "drawer")),
    *(("move-in", name) for name in ("look", "copy", "switch", "back", "discard")),
    *(("restore", name) for name in ("kept", "discard")),
    *(("state", name) for name in ("create", "earlier")),
]


def typed(*arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=timeout
    )


def help_of(*command: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit, match="0"):
        main([*command, "--help"])
    return capsys.readouterr().out


def test_every_command_has_its_package_and_every_package_with_a_main_is_a_command() -> None:
    packages = {path.parent.name.replace("_", "-") for path in (ROOT / "auren_infra").glob("*/__main__.py")}
    assert packages == set(COMMANDS)


def test_the_help_lists_all_commands() -> None:
    done = typed("-m", "auren_infra", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    for name, says in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(says)}$", done.stdout, re.MULTILINE)


def test_the_version_is_printed() -> None:
    assert typed("-m", "auren_infra", "--version").stdout == f"{__version__}\n"


@pytest.mark.parametrize("command", [*((name,) for name in COMMANDS), *SUBCOMMANDS], ids=" ".join)
def test_a_help_says_what_a_command_does_what_it_needs_and_how_it_ends(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    text = help_of(*command, capsys=capsys)
    assert text.startswith(f"usage: python -m auren_infra {' '.join(command)} ")
    assert re.search(r"^needs:\n  \S", text, re.MULTILINE)
    assert re.search(r"^exit status:\n  0  \S", text, re.MULTILINE)
    statuses = re.findall(r"^  (\d)  ", text.partition("exit status:\n")[2], re.MULTILINE)
    assert statuses == ["0", "1", "2"]
    assert f"\n  python -m auren_infra {' '.join(command)} " in text.partition("examples:")[2]
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("command", COMMANDS)
def test_the_examples_of_a_help_are_calls_that_the_command_takes(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--help` behind them: argparse reads what stands before it, and ends there."""
    examples = help_of(command, capsys=capsys).partition("examples:\n")[2].splitlines()
    assert examples
    for example in examples:
        arguments = shlex.split(example.partition(" > ")[0])[3:]
        with pytest.raises(SystemExit, match="0"):
            main([*arguments, "--help"])
        capsys.readouterr()


@pytest.mark.parametrize(
    ("wrong", "near"), [("drfit", "drift"), ("output", "outputs"), ("preview", "review"), ("acess", "access")]
)
def test_a_command_that_does_not_exist_is_refused_with_the_nearest_one(
    wrong: str, near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([wrong, "--stack", "prod"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"no command {wrong!r}. Did you mean `python -m auren_infra {near}`? The commands are: acc" in shown.err


def test_a_command_like_no_other_is_refused_with_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["xyz"]) == 2
    assert capsys.readouterr().err == f"error: There is no command 'xyz'. The commands are: {', '.join(COMMANDS)}.\n"


def test_an_option_before_the_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stack", "prod", "drift"]) == 2
    assert "error: --stack stands before the command." in capsys.readouterr().err


def test_a_call_without_a_command_shows_the_help_as_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("usage: python -m auren_infra COMMAND")


def test_no_command_waits_for_the_packages_of_another() -> None:
    code = (
        "import sys; from auren_infra.__main__ import main; "
        "print(*(name for name in sys.modules if name.startswith(('auren_infra.', 'pulumi', 'pydantic', 'botocore'))))"
    )
    assert set(typed("-c", code).stdout.split()) == {"auren_infra.__main__", "auren_infra.command_line"}


@pytest.mark.parametrize("name", ["access", "drift", "outputs", "review", "state"])
def test_an_old_call_does_the_same_and_names_the_new_one(name: str) -> None:
    new = typed("-m", "auren_infra", name, "--no-such-option")
    old = typed("-m", f"auren_infra.{name}", "--no-such-option")
    note = (
        f"The call `python -m auren_infra.{name}` is old and ends with version 2. Use `python -m auren_infra {name}`.\n"
    )
    assert old.stderr == note + new.stderr
    assert (old.stdout, old.returncode) == (new.stdout, new.returncode) == ("", 2)


def test_an_old_call_prints_what_the_new_one_prints() -> None:
    new, old = typed("-m", "auren_infra", "outputs"), typed("-m", "auren_infra.outputs")
    assert old.stdout == new.stdout == (ROOT / "outputs.schema.json").read_text()
    assert old.returncode == new.returncode == 0


def test_the_old_calls_end_with_version_2() -> None:
    """In version 2, remove `run_old_call` and the last two lines of each `__main__.py`, and this test."""
    assert int(__version__.partition(".")[0]) < 2


def test_nothing_in_the_repository_uses_an_old_call() -> None:
    here = Path(__file__).relative_to(ROOT).as_posix()
    found = [
        f"{name}:{number}: {line.strip()}"
        for name in files()
        if name not in (here, "CHANGELOG.md", "auren_infra/command_line.py")
        for number, line in enumerate((ROOT / name).read_text(errors="replace").splitlines(), 1)
        if re.search(rf"-m[ \",]+auren_infra\.({'|'.join(COMMANDS)})\b", line)
    ]
    assert found == []


def test_a_command_that_is_cancelled_removes_its_files(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, signal\n"
        "from tempfile import TemporaryDirectory\n"
        "from auren_infra.command_line import run\n"
        "def main():\n"
        "    with TemporaryDirectory(dir=pathlib.Path.cwd()) as kept:\n"
        "        pathlib.Path(kept, 'key').touch()\n"
        f"        os.kill(os.getpid(), {int(signal.SIGTERM)})\n"
        "    return 0\n"
        "run(main)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, check=False, timeout=60
    )
    assert done.returncode == 2
    assert list(tmp_path.iterdir()) == []
