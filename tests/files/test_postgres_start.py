"""postgres-start.sh, with stand-ins for the image's two scripts: only a whole database is ever in its place."""

import os
import subprocess
from pathlib import Path

import pytest

from auren_infra.files.releases import release
from tests.unit.configuration import blueprint, planned

ENSURE = """#!/usr/bin/env bash
# As the official one: half of a database is there early, and it ends where a script of sql/init fails or says `exit`.
set -e
echo "$PGDATA $*" >>"$CALLS"
mkdir -p "$PGDATA/base"
[ -z "$(ls -A "$PGDATA/base")" ] || { echo "not empty" >&2; exit 1; }
echo 16 >"$PGDATA/PG_VERSION"
touch "$PGDATA/postmaster.pid"
echo one >"$PGDATA/base/1"
. "$SCRIPT"
echo two >"$PGDATA/base/2"
rm "$PGDATA/postmaster.pid"
"""
ENTRYPOINT = """#!/usr/bin/env bash
echo "server $PGDATA $*" >>"$CALLS"
"""
SINGLE = """#!/usr/bin/env bash
echo "password $*" >>"$CALLS"
cat >>"$CALLS"
[ ! -e "$CALLS.refused" ] || { echo 'FATAL: role "auren" does not exist' >&2; exit 1; }
"""
WHOLE = {"PG_VERSION": "16\n", "base/1": "one\n", "base/2": "two\n"}
UNFINISHED = ".init"


class Bench:
    """A container of the image, with an empty disk."""

    def __init__(self, root: Path) -> None:
        self.data, self._calls, self.script = root / "data", root / "calls", root / "script"
        self.data.mkdir()
        self.bin = root / "bin"
        self.bin.mkdir()
        for name, text in {
            "docker-ensure-initdb.sh": ENSURE,
            "docker-entrypoint.sh": ENTRYPOINT,
            "postgres": SINGLE,
        }.items():
            (self.bin / name).write_text(text)
            (self.bin / name).chmod(0o755)
        self._start = root / "start.sh"
        self._start.write_text(release(planned(blueprint()), "postgres").files["postgres-start.sh"])
        self.script.write_text(":\n")
        self.password = root / "password"
        self.password.write_text("opensesame\n")
        self.refused = root / "calls.refused"

    def start(self) -> subprocess.CompletedProcess[str]:
        environment = {
            "PGDATA": self.data,
            "CALLS": self._calls,
            "SCRIPT": self.script,
            "POSTGRES_USER": "auren",
            "POSTGRES_PASSWORD_FILE": self.password,
        }
        return subprocess.run(
            ["bash", self._start, "postgres", "-c", "config_file=a"],
            env={"PATH": f"{self.bin}:{os.environ['PATH']}"} | {name: str(path) for name, path in environment.items()},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    def calls(self) -> list[str]:
        """What ran since this was last asked: `init`, or `server` with its arguments."""
        lines = self._calls.read_text().splitlines() if self._calls.exists() else []
        self._calls.unlink(missing_ok=True)
        return [line.replace(str(self.data), "DATA") for line in lines]

    def files(self) -> dict[str, str]:
        found = (path for path in self.data.rglob("*") if path.is_file())
        return {str(path.relative_to(self.data)): path.read_text() for path in found}


MADE = "DATA/.init postgres -c config_file=a -c archive_mode=off"
OPTIONS = (
    "exit_on_error=on",
    "log_statement=none",
    "log_min_duration_statement=-1",
    "log_min_error_statement=panic",
    "log_duration=off",
)
SET = [
    "password --single -D DATA -c config_file=a " + " ".join(f"-c {option}" for option in OPTIONS) + " template1",
    "ALTER ROLE \"auren\" PASSWORD 'opensesame'",
]
SERVED = "server DATA postgres -c config_file=a"
STARTED = [*SET, SERVED]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_the_first_start_makes_a_database_and_the_second_keeps_it(bench: Bench) -> None:
    for expected in ([MADE, *STARTED], STARTED):
        done = bench.start()
        assert (done.returncode, done.stderr) == (0, "")
        assert bench.calls() == expected
        assert bench.files() == WHOLE
    assert not (bench.data / UNFINISHED).exists()


@pytest.mark.parametrize("script", ["false", "exit 3", "exit 0", "exit"])
def test_a_script_that_fails_or_ends_the_making_leaves_no_database(bench: Bench, script: str) -> None:
    """The image's next start would take what is there for a whole one."""
    bench.script.write_text(f"{script}\n")
    for _ in range(2):
        done = bench.start()
        assert done.returncode == 1
        assert "The first start did not come to its end, so there is no database yet." in done.stderr
        assert "repair it and run pulumi again" in done.stderr
        assert bench.calls() == [MADE], "no server runs on it"
        assert "PG_VERSION" not in bench.files()
    bench.script.write_text(":\n")
    assert bench.start().returncode == 0
    assert bench.files() == WHOLE


def test_a_first_start_that_was_cut_begins_again(bench: Bench) -> None:
    half = bench.data / UNFINISHED / "base"
    half.mkdir(parents=True)
    (half / "1").write_text("half\n")
    (half.parent / "PG_VERSION").write_text("16\n")
    assert bench.start().returncode == 0
    assert bench.calls() == [MADE, *STARTED]
    assert bench.files() == WHOLE


@pytest.mark.parametrize("moved", [(), ("base",), ("base", "PG_VERSION")], ids=["nothing", "a part", "all"])
def test_a_database_whose_move_was_cut_is_moved_to_the_end(bench: Bench, moved: tuple[str, ...]) -> None:
    bench.start()
    unfinished = bench.data / UNFINISHED
    unfinished.mkdir()
    (unfinished / ".complete").touch()
    for name in {"base", "PG_VERSION"} - set(moved):
        (bench.data / name).rename(unfinished / name)
    bench.calls()
    assert bench.start().returncode == 0
    assert bench.calls() == STARTED, "it is not made again"
    assert bench.files() == WHOLE


def test_the_files_of_a_database_in_its_place_are_never_touched(bench: Bench) -> None:
    """It may come from a backup, or from before there was this script."""
    (bench.data / "PG_VERSION").write_text("16\n")
    (bench.data / UNFINISHED).mkdir()
    (bench.data / UNFINISHED / "half").touch()
    assert bench.start().returncode == 0
    assert bench.calls() == STARTED
    assert bench.files() == {"PG_VERSION": "16\n"}


def test_files_of_somebody_else_are_left_alone_and_named(bench: Bench) -> None:
    (bench.data / "lost+found").mkdir()
    (bench.data / "photo.jpg").touch()
    done = bench.start()
    assert done.returncode == 1
    assert "holds files, but no database (PG_VERSION), so none is made there:" in done.stderr
    assert f"{bench.data}/photo.jpg" in done.stderr
    assert "lost+found" not in done.stderr
    assert bench.calls() == []


def test_an_image_that_cannot_make_a_database_beside_is_told(bench: Bench) -> None:
    (bench.bin / "docker-ensure-initdb.sh").unlink()
    done = bench.start()
    assert done.returncode == 1
    assert "take one of PostgreSQL's official images of 2024 or later" in done.stderr
    assert bench.files() == {}


def test_a_password_that_cannot_be_set_is_told_and_the_server_starts(bench: Bench) -> None:
    """It may be needed for the repair. That clients cannot log in is the health check's to find."""
    bench.refused.touch()
    done = bench.start()
    assert done.returncode == 0
    assert bench.calls() == [MADE, *STARTED]
    assert "The password of auren could not be set. The lines before this one say why." in done.stderr
    assert "opensesame" not in done.stdout + done.stderr


@pytest.mark.parametrize("signal", ["standby.signal", "recovery.signal"])
def test_a_recovery_from_a_backup_is_left_alone(bench: Bench, signal: str) -> None:
    bench.start()
    (bench.data / signal).touch()
    bench.calls()
    done = bench.start()
    assert (done.returncode, bench.calls()) == (0, [SERVED])
    assert "the password stays as it is until the next start after it" in done.stdout


def test_a_password_may_have_any_characters(bench: Bench) -> None:
    bench.password.write_text('it\'s "$HOME" \\ `id`\n')
    bench.start()
    assert bench.calls()[2] == "ALTER ROLE \"auren\" PASSWORD 'it''s \"$HOME\" \\ `id`'"
