"""A power cut, without a machine around it: only what was synced to a disk can be read afterwards."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox import layout
from sandbox.droplets import mounts, volumes
from sandbox.droplets.hypervisor import VolumeSpec
from sandbox.droplets.mounts import Stop

pytestmark = pytest.mark.machine

WRITER = """
import os, sys, time
directory = sys.argv[1]

def write(name, text, synced):
    file = os.open(f"{directory}/{name}", os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(file, text)
    if synced:
        os.fsync(file)
    return file

write("synced", b"kept", True)
overwritten = write("overwritten", b"kept", True)
os.fsync(os.open(directory, os.O_RDONLY))
late = write("late", b"lost", False)
os.pwrite(overwritten, b"lost", 0)
print("written", flush=True)
sys.stdin.readline()
for file in (late, overwritten):
    try:
        os.fsync(file)
    except OSError as error:
        print(error.strerror, flush=True)
    else:
        print("synced", flush=True)
time.sleep(60)
"""
"""A database in a few lines: it syncs what it acknowledges, has more under way, and would sync that later."""


@contextmanager
def machine(number: int, target: Path) -> Iterator[subprocess.Popen[str]]:
    """The writer in a mount namespace of its own, as a droplet's container has one, with the disk mounted."""
    command = f'mount /dev/loop{number} "$1" && exec "$2" -I -S -c "$3" "$1"'
    with subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", command, "sh", target, sys.executable, WRITER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str], text: str = "") -> str:
    assert process.stdin
    assert process.stdout
    process.stdin.write(text)
    process.stdin.flush()
    return process.stdout.readline().strip()


def content(number: int, target: Path) -> dict[str, str]:
    """What a machine that boots finds on the disk; mounting it recovers its journal."""
    show = f'mount /dev/loop{number} "$1" && cd "$1" && grep -r "" --exclude-dir lost+found . | sort'
    lines = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", show, "sh", target],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    ).stdout.splitlines()
    return dict(line.removeprefix("./").split(":", 1) for line in lines)


@pytest.fixture
def volume_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(layout, "STATE", tmp_path / "cut")
    volumes.create(VolumeSpec("data", "data", 1, "ext4"))
    yield "data"
    volumes.take_device(volumes.get("data"), Stop.LOST)


@pytest.mark.parametrize(
    ("stop", "late", "overwritten"),
    [(Stop.LOST, None, "kept"), (Stop.FLUSHED, "lost", "lost")],
    ids=["cut", "detached"],
)
def test_what_was_not_synced_is_lost_and_what_was_is_there(
    volume_id: str, tmp_path: Path, stop: Stop, late: str | None, overwritten: str
) -> None:
    """`FLUSHED` shows that what is missing after a cut would have been there, had the cut not kept it from the disk."""
    target = tmp_path / "mnt"
    target.mkdir()
    number = volumes.give_device(volumes.get(volume_id))
    with machine(number, target) as process:
        assert said(process) == "written"
        mounts.stop_file_system(number, stop)
        assert [said(process, "now\n"), said(process)] == ["Input/output error"] * 2
    volumes.take_device(volumes.get(volume_id), stop)
    found = content(volumes.give_device(volumes.get(volume_id)), target)
    assert found["synced"] == "kept"
    assert found["overwritten"] == overwritten
    assert found.get("late") == late
    volumes.take_device(volumes.get(volume_id), Stop.FLUSHED)
    checked = subprocess.run(["e2fsck", "-f", "-n", str(volumes.get(volume_id).file)], capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout
