"""`--write-key` and `--output`: written right, or refused with nothing changed."""

import json
import os
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from auren_infra.outputs import placing
from auren_infra.outputs.__main__ import main
from auren_infra.outputs.placing import Placed, place
from auren_infra.outputs.source import OutputsError
from tests.unit.rehearsal import Rehearsal

Run = Callable[..., tuple[int, str]]
SECRET = "PRIVATE-"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], update: Rehearsal) -> Run:
    """Write the SSH configuration out of a document with its secrets; the exit status, and standard error."""
    document = tmp_path.parent / f"{tmp_path.name}.json"
    document.write_text(json.dumps(update.outputs))
    monkeypatch.chdir(tmp_path)

    def typed(*arguments: str) -> tuple[int, str]:
        try:
            status = main(["--from", str(document), "--format", "ssh", *arguments])
        except SystemExit as ended:
            status = int(str(ended.code))
        shown = capsys.readouterr()
        assert SECRET not in shown.out + shown.err
        return status, shown.err

    return typed


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _all(folder: Path) -> dict[str, str]:
    """Everything below a directory: links, and what files hold."""
    return {
        str(path.relative_to(folder)): str(path.readlink())
        if path.is_symlink()
        else path.read_text()
        if path.is_file()
        else ""
        for path in sorted(folder.rglob("*"))
    }


def _a_file(folder: Path) -> Path:
    (folder / "file").write_text("somebody's")
    return folder / "file"


def _a_link(folder: Path, target: str) -> Path:
    (folder / "link").symlink_to(target)
    return folder / "link"


def _a_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def _a_socket(folder: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "socket"))
    return folder / "socket"


@pytest.mark.parametrize("option", ["--write-key", "--output"])
@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (lambda folder: "none/dir/x", "none/dir does not exist; create it first"),
        (lambda folder: "none/x", "none does not exist; create it first"),
        (lambda folder: f"{_a_file(folder)}/x", "file is no directory"),
        (lambda folder: f"{_a_file(folder)}/y/x", "cannot be written to: Not a directory"),
        (lambda folder: _a_link(folder, "nowhere"), "/link "),
        (lambda folder: _a_link(folder, str(_a_file(folder))), "/link is "),
        (_a_pipe, "pipe is no "),
        (_a_socket, "socket is no "),
        (lambda folder: _a_link(folder, "/dev/stdout"), "/link is "),
        (lambda folder: "/proc/self/fd/1", "/proc/self/fd/1 is "),
        (lambda folder: "/proc/x", "/proc"),
        (lambda folder: "", "the name is empty"),
        (lambda folder: f"{'x' * 300}", "cannot be written: File name too long"),
        (lambda folder: 'quoted"name', "cannot be named in an SSH configuration"),
    ],
)
def test_a_place_that_cannot_be_written_to_is_refused_and_nothing_is_changed(
    run: Run, tmp_path: Path, option: str, place: Callable[[Path], object], reason: str
) -> None:
    name = str(place(tmp_path))
    before = _all(tmp_path)
    status, said = run(option, name)
    assert status in (1, 2)
    assert reason in said
    assert "Traceback" not in said
    assert _all(tmp_path) == before


@pytest.mark.parametrize("name", ["keys/", "-", ".", "..", "keys", "/"])
def test_a_directory_is_no_place_for_a_key(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "keys").mkdir()
    status, said = run("--write-key", name)
    assert status in (1, 2)
    assert "is a directory; name a file in it" in said or "names no file" in said
    assert _all(tmp_path) == {"keys": ""}


def test_all_that_is_wrong_is_told_at_once_before_the_outputs_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--format", "ssh", "--from", str(tmp_path / "none")]
    assert main([*arguments, "--write-key", f"{tmp_path}/a/key", "--output", f"{tmp_path}/b/c"]) == 1
    said = capsys.readouterr().err
    assert f"The directory {tmp_path}/a does not exist" in said
    assert f"The directory {tmp_path}/b does not exist" in said
    assert "cannot be read" not in said


def test_the_directory_that_was_asked_for_is_made_and_may_hold_the_key(run: Run, tmp_path: Path) -> None:
    assert run("--output", "auren", "--write-key", "auren/key") == (0, "")
    modes = {path.name: _mode(path) for path in (tmp_path / "auren").iterdir()}
    assert modes == {"config": 0o644, "known_hosts": 0o644, "key": 0o600}
    assert SECRET in (tmp_path / "auren" / "key").read_text()


@pytest.mark.parametrize("key", ["auren/config", "auren/known_hosts", "auren", "link/config", "auren/../auren/config"])
def test_a_key_is_not_written_over_by_another_file(run: Run, tmp_path: Path, key: str) -> None:
    (tmp_path / "auren").mkdir()
    (tmp_path / "link").symlink_to("auren")
    status, said = run("--output", "auren", "--write-key", key)
    assert status == 1
    assert "name another file for the key" in said
    assert _all(tmp_path) == {"auren": "", "link": "auren"}


def test_a_directory_behind_a_link_is_a_directory(run: Run, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert run("--output", "link", "--write-key", "link/key") == (0, "")
    assert {path.name for path in (tmp_path / "real").iterdir()} == {"config", "known_hosts", "key"}


def test_a_file_that_others_could_read_is_not_written_into(run: Run, tmp_path: Path) -> None:
    """Whoever has it open, or another name for it, keeps what was there."""
    key = tmp_path / "key"
    key.write_text("old")
    key.chmod(0o666)
    (tmp_path / "other name").hardlink_to(key)
    with key.open() as reading:
        assert run("--write-key", "key") == (0, "")
        assert reading.read() == "old"
    assert (tmp_path / "other name").read_text() == "old"
    assert _mode(key) == 0o600
    assert SECRET in key.read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_a_file_of_somebody_else_is_replaced_by_ones_own(run: Run, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("theirs")
    key.chmod(0o644)
    os.chown(key, 1000, 1000)
    assert run("--write-key", "key") == (0, "")
    assert (key.stat().st_uid, key.stat().st_gid, _mode(key)) == (0, 0, 0o600)


@pytest.fixture
def somebody() -> Iterator[Path]:
    """The rights of a user who is not root, and a directory that everybody can look into."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        folder = Path(directory) / "folder"
        folder.mkdir()
        folder.parent.chmod(0o755)
        yield folder
        os.seteuid(0)
        os.setegid(0)


def _become(user: int) -> None:
    os.setegid(user)
    os.seteuid(user)


@pytest.mark.skipif(os.geteuid() != 0, reason="root becomes somebody else")
@pytest.mark.parametrize(
    ("mode", "owner", "file_mode", "reason"),
    [
        (0o555, 1000, None, "folder cannot be written to by this user"),  # read-only
        (0o755, 0, 0o666, "folder cannot be written to by this user"),  # another's
        (0o700, 0, None, "folder cannot be written to by this user"),
        (0o1777, 0, 0o666, "key cannot be written: Operation not permitted"),  # everybody's, as /tmp is
    ],
)
def test_what_somebody_may_not_write_is_refused(
    somebody: Path, mode: int, owner: int, file_mode: int | None, reason: str
) -> None:
    if file_mode is not None:
        (somebody / "key").write_text("theirs")
        (somebody / "key").chmod(file_mode)
    os.chown(somebody, owner, owner)
    somebody.chmod(mode)
    before = _all(somebody)
    _become(1000)
    place_it = Placed(somebody / "key", "SECRET", secret=True)
    faults = list(placing.faults_of_file(place_it.path))
    if not faults:
        with pytest.raises(OutputsError) as refused:
            place([place_it])
        faults = [str(refused.value)]
    os.seteuid(0)
    assert reason in "".join(faults)
    assert _all(somebody) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="root becomes somebody else")
def test_a_place_that_cannot_be_looked_at_is_named(somebody: Path) -> None:
    (somebody / "inner").mkdir()
    somebody.chmod(0o700)
    _become(1000)
    key = somebody / "inner" / "key"
    assert list(placing.faults_of_file(key)) == [f"{key.parent} cannot be written to: Permission denied."]


def test_a_key_is_private_before_anything_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system that keeps no rights, as on a USB stick, no secret arrives."""
    monkeypatch.setattr(placing.os, "fchmod", lambda number, mode: None)
    real = os.open
    monkeypatch.setattr(placing.os, "open", lambda path, flags, mode=0, **more: real(path, flags, mode | 0o044, **more))
    with pytest.raises(OutputsError, match="other users could read it"):
        place([Placed(tmp_path / "other", "text"), Placed(tmp_path / "key", "SECRET", secret=True)])
    assert _all(tmp_path) == {}


def test_files_are_written_all_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full at the second file."""
    made: list[int] = []

    def full(number: int) -> None:
        made.append(number)
        if len(made) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(placing.os, "fsync", full)
    folder = tmp_path / "new"
    with pytest.raises(OutputsError, match="known_hosts cannot be written: No space left on device"):
        place([Placed(folder / "config", "text"), Placed(folder / "known_hosts", "text")], folder)
    assert _all(tmp_path) == {}


def test_a_hidden_umask_changes_nothing(run: Run, tmp_path: Path) -> None:
    before = os.umask(0o777)
    try:
        assert run("--write-key", "key")[0] == 0
    finally:
        os.umask(before)
    assert _mode(tmp_path / "key") == 0o600
