"""What every script has in common, and the two that put files on the machine."""

import base64
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from auren_infra.files.directory import pack
from auren_infra.host.machine import script
from tests.unit.configuration import ROOT
from tests.unit.host.bench import OWNER, Bench

SCRIPTS = sorted((ROOT / "auren_infra/host/scripts").glob("*.sh"))

SOURCED = (
    "backups",
    "copies",
    "archives",
    "counting",
    "restore_store",
    "lending",
    "replacing",
    "starting",
    "releases",
    "published",
    "running",
    "links",
    "unpack",
)
"""What others source, and nobody runs; those first that source others."""

each_script = pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
each_that_runs = pytest.mark.parametrize(
    "path", [path for path in SCRIPTS if path.stem not in SOURCED], ids=lambda path: path.stem
)


@each_that_runs
def test_a_script_has_one_function_of_a_name(path: Path) -> None:
    """With what it sources. Of two, bash takes the later one."""
    names = re.findall(r"^(\w+)\(\) [{(]", script(path.stem), re.MULTILINE)
    assert sorted(set(names)) == sorted(names)


@each_that_runs
def test_a_script_ends_where_its_data_begins(path: Path) -> None:
    """bash reads a line, then runs it: what stands behind `exit` in the same line is never taken for a command."""
    assert path.read_text().endswith('\nmain "$@"; exit\n')


@each_script
def test_a_script_stops_at_its_first_failure(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert "set -euo pipefail" in lines


@each_script
def test_shellcheck_has_nothing_to_say(path: Path) -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    said = subprocess.run([shellcheck, path], check=False, capture_output=True, text=True, timeout=60)
    assert said.stdout == ""
    assert said.returncode == 0


@each_script
def test_a_script_is_ascii_or_utf_8_without_surprises(path: Path) -> None:
    expected = path.read_bytes().decode("utf-8")
    for name in SOURCED:
        functions = path.with_name(f"{name}.sh").read_bytes().decode("utf-8").split("\nset -euo pipefail\n\n")[1]
        expected = expected.replace(f"\nsource {name}.sh\n", f"\n{functions}")
    assert script(path.stem) == expected
    assert "\nsource " not in script(path.stem), "it is sent alone"
    assert "\r" not in script(path.stem)
    assert "\t" not in script(path.stem)


CONTENTS = {
    "a line": b"hello\n",
    "no line end": b"PASSWORD",
    "nothing": b"",
    "what looks like a command": b"exit 7\nrm -rf /\n$(touch pwned) `touch pwned` \\\n",
    "a here-document": b"REMOTE\nEOF\n",
    "blank lines around": b"\n\n  x  \n\n",
    "2 MB": os.urandom(1 << 20).hex().encode(),
}


@pytest.mark.parametrize("by_socket", [False, True], ids=["pipe", "socket"])
@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS.keys())
def test_a_file_arrives_byte_for_byte(bench: Bench, content: bytes, by_socket: bool) -> None:
    path = bench.path("/opt/auren/conf/a file.conf")
    done = bench.run("put_file", str(path), "0640", OWNER, data=content, by_socket=by_socket)
    assert (done.returncode, done.stderr) == (0, "")
    assert path.read_bytes() == content
    assert path.stat().st_mode & 0o7777 == 0o640
    assert [entry.name for entry in path.parent.iterdir()] == ["a file.conf"]


def test_a_file_that_is_right_keeps_its_inode(bench: Bench) -> None:
    """A container that has it mounted would go on seeing the old one."""
    path = bench.path("/opt/auren/nginx.conf")
    bench.run("put_file", str(path), "0644", OWNER, data="one\n")
    before = path.stat()
    path.chmod(0o600)
    assert bench.run("put_file", str(path), "0644", OWNER, data="one\n").returncode == 0
    assert path.stat().st_ino == before.st_ino
    assert path.stat().st_mode & 0o777 == 0o644, "mode and owner are put right all the same"
    assert [entry.name for entry in path.parent.iterdir()] == ["nginx.conf"]


def test_a_changed_file_is_replaced_in_one_step(bench: Bench) -> None:
    path = bench.path("/opt/auren/nginx.conf")
    bench.run("put_file", str(path), "0644", OWNER, data="one\n")
    with path.open() as held:
        bench.run("put_file", str(path), "0644", OWNER, data="two\n")
        assert held.read() == "one\n", "whoever had it open must not see half of the new one"
    assert path.read_text() == "two\n"


def test_what_was_placed_outlives_a_power_cut(bench: Bench) -> None:
    """Pulumi never sends it again: nothing of it may be in the machine's memory alone."""
    path = bench.path("/opt/auren/nginx.conf")
    bench.run("put_file", str(path), "0644", OWNER, data="one\n")
    assert bench.calls("sync") == ["sync /opt/auren/nginx.conf.new", "sync /opt/auren"]
    bench.run("put_file", str(path), "0644", OWNER, data="one\n")
    assert len(bench.calls("sync")) == 2, "the same file is there already"
    bench.run("put_tree", str(bench.path("/opt/auren/website")), data=_packed(**{"index.html": b"1"}))
    assert bench.calls("sync")[2:] == ["sync --file-system /opt/auren/website"]


def test_a_secret_is_never_readable_by_others(bench: Bench) -> None:
    """Not for the moment either between writing it and setting its mode."""
    bench.stub("chown", 'stat -c %a "${@: -1}" >>"$state/modes"')
    path = bench.path("/opt/auren/secrets/redis/redis_password")
    assert bench.run("put_file", str(path), "0400", OWNER, data="PASSWORD").returncode == 0
    assert bench.path("/state/modes").read_text().split() == ["600"]
    assert path.stat().st_mode & 0o7777 == 0o400


def test_a_directory_that_is_closed_to_others_stays_closed(bench: Bench) -> None:
    path = bench.path("/root/.ssh/operators")
    path.parent.mkdir(mode=0o700)
    assert bench.run("put_file", str(path), "0600", OWNER, data="key\n").returncode == 0
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("target", ["same", "other", "directory", "nowhere"])
def test_a_link_in_a_files_place_is_replaced_and_not_followed(bench: Bench, target: str) -> None:
    path, behind = bench.path("/opt/auren/nginx.conf"), bench.path("/root/behind")
    if target == "directory":
        behind.mkdir()
    elif target != "nowhere":
        behind.write_text("one\n" if target == "same" else "another\n")
        behind.chmod(0o600)
    path.symlink_to(behind)
    assert bench.run("put_file", str(path), "0644", OWNER, data="one\n").returncode == 0
    assert not path.is_symlink()
    assert path.read_text() == "one\n"
    if target in ("same", "other"):
        assert behind.stat().st_mode & 0o777 == 0o600
    if target == "directory":
        assert list(behind.iterdir()) == []


def test_an_empty_directory_in_a_files_place_is_replaced(bench: Bench) -> None:
    """Docker makes one where a file that it is to mount is missing."""
    path = bench.path("/opt/auren/nginx.conf")
    path.mkdir()
    assert bench.run("put_file", str(path), "0644", OWNER, data="one\n").returncode == 0
    assert path.read_text() == "one\n"


def test_a_directory_that_holds_something_is_left_and_told_about(bench: Bench) -> None:
    path = bench.path("/opt/auren/nginx.conf")
    path.mkdir()
    (path / "mine").touch()
    done = bench.run("put_file", str(path), "0644", OWNER, data="one\n")
    assert done.returncode == 1
    assert "is a directory that holds something. Move it away" in done.stderr
    assert [entry.name for entry in path.parent.iterdir()] == ["nginx.conf"]


def test_a_write_that_was_cut_is_made_good(bench: Bench) -> None:
    path = bench.path("/opt/auren/nginx.conf")
    path.with_name("nginx.conf.new").write_text("half a li")
    assert bench.run("put_file", str(path), "0644", OWNER, data="whole\n").returncode == 0
    assert path.read_text() == "whole\n"
    assert not path.with_name("nginx.conf.new").exists()


def _packed(**files: bytes) -> str:
    return "".join(f"{name}\t{base64.b64encode(content).decode()}\n" for name, content in sorted(files.items()))


def _tree(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("by_socket", [False, True], ids=["pipe", "socket"])
def test_a_tree_arrives_whole(bench: Bench, by_socket: bool) -> None:
    files = {
        "index.html": b"<html>\n",
        "empty.txt": b"",
        "assets/app one.js": b"x" * 2_000_000,
        "assets/img/logo.png": bytes(range(256)),
        "no line end": b"x",
    }
    target = bench.path("/opt/auren/website")
    done = bench.run("put_tree", str(target), data=_packed(**files), by_socket=by_socket)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "5 files\n"
    assert _tree(target) == files
    assert all(path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644) for path in target.rglob("*"))


def test_a_tree_holds_what_was_sent_and_nothing_else(bench: Bench) -> None:
    target = bench.path("/opt/auren/website")
    bench.run("put_tree", str(target), data=_packed(**{"index.html": b"1", "old/page.html": b"1", "gone.js": b"1"}))
    before = target.stat().st_ino
    (target / ".left-behind").write_text("by hand")
    (target / "a link").symlink_to("/etc/hostname")
    (target / "no target").symlink_to("/nonexistent")
    done = bench.run("put_tree", str(target), data=_packed(**{"index.html": b"2", "new.js": b"2"}))
    assert done.returncode == 0
    assert _tree(target) == {"index.html": b"2", "new.js": b"2"}
    assert not (target / "old").exists()
    assert target.stat().st_ino == before, "nginx has the directory itself mounted"


@pytest.mark.parametrize(("before", "after"), [("about/index.html", "about"), ("about", "about/index.html")])
def test_a_file_takes_the_place_of_a_directory_and_the_other_way_round(bench: Bench, before: str, after: str) -> None:
    target = bench.path("/opt/auren/website")
    assert bench.run("put_tree", str(target), data=_packed(**{before: b"1"})).returncode == 0
    assert bench.run("put_tree", str(target), data=_packed(**{after: b"2"})).returncode == 0
    assert [path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()] == [after]
    assert (target / after).read_bytes() == b"2"


def test_the_same_tree_twice_is_the_same_tree(bench: Bench) -> None:
    target = bench.path("/opt/auren/website")
    packed = pack(ROOT / "website")
    for _ in range(2):
        assert bench.run("put_tree", str(target), data=packed).returncode == 0
    assert _tree(target) == _tree(ROOT / "website")
    assert list(bench.path("/tmp").iterdir()) == [], "the work directory is removed"


def test_a_tree_with_names_that_a_shell_would_read(bench: Bench) -> None:
    files = {"a b.html": b"1", "$(touch pwned).html": b"2", "-rf": b"3", "quote'\"s.js": b"4", "back\\slash": b"5"}
    target = bench.path("/opt/auren/website")
    for _ in range(2):
        assert bench.run("put_tree", str(target), data=_packed(**files)).returncode == 0
        assert _tree(target) == files
    assert bench.run("put_tree", str(target), data=_packed(**{"index.html": b"1"})).returncode == 0
    assert _tree(target) == {"index.html": b"1"}
