"""Stops file systems on a block device that is removed, in every mount namespace.

A droplet mounts its volumes in its own namespace, and its containers in theirs. When the device is removed, the file
system must stop writing at once in all of them: a second later, the same file may be the disk of another droplet.
"""

import contextlib
import fcntl
import os
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from sandbox.droplets.loop import MAJOR
from sandbox.droplets.run import run

_FS_IOC_SHUTDOWN = 0x8004587D
"""linux/fs.h: ext4 and XFS refuse everything from then on, with EIO."""
_UNMOUNT = Path(__file__).with_name("unmount.py")


class Stop(IntEnum):
    """What happens to data that is not written to the device yet."""

    FLUSHED = 0
    LOST = 2


@dataclass(frozen=True)
class Mount:
    process: int
    """A process of the namespace in which it is mounted."""
    point: str

    @property
    def path(self) -> Path:
        """The mount point as this process can open it."""
        return Path(f"/proc/{self.process}/root{self.point}")


def stop_file_system(number: int, stop: Stop) -> None:
    """Stop all reads and writes on the loop device, for every mount and every open file."""
    device = os.makedev(MAJOR, number)
    for mount in _mounts_of(number):
        with contextlib.suppress(OSError):
            file = os.open(mount.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                if os.fstat(file).st_dev == device:  # not something mounted on top of it
                    fcntl.ioctl(file, _FS_IOC_SHUTDOWN, struct.pack("I", stop))
                    return  # one file system, however often it is mounted
            finally:
                os.close(file)


def unmount(number: int) -> None:
    """Take every mount of the loop device out of its namespace, in use or not."""
    for mount in _mounts_of(number):
        namespace = f"/proc/{mount.process}/ns/mnt"
        run([sys.executable, "-I", "-S", str(_UNMOUNT), namespace, mount.point], timeout=20)


def _mounts_of(number: int) -> list[Mount]:
    device = f"{MAJOR}:{number}"
    found: list[Mount] = []
    for process, mountinfo in _each_namespace():
        for line in mountinfo.splitlines():
            fields = line.split(" ")
            if fields[2] == device:
                point = fields[4].encode().decode("unicode_escape").encode("latin-1").decode()
                found.append(Mount(process, point))
    # The newest first: a mount on top of another one must be removed before it.
    return found[::-1]


def _each_namespace() -> Iterator[tuple[int, str]]:
    """A process of each mount namespace, with what is mounted there."""
    seen: set[str] = set()
    for entry in os.scandir("/proc"):
        with contextlib.suppress(OSError):  # processes end at any time
            if entry.name.isdecimal():
                namespace = os.readlink(f"/proc/{entry.name}/ns/mnt")  # noqa: PTH115 - a namespace's name, no path
                if namespace not in seen:
                    mountinfo = Path(f"/proc/{entry.name}/mountinfo").read_text()
                    seen.add(namespace)
                    yield int(entry.name), mountinfo
