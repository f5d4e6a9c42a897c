"""Loop devices, which turn a file into a disk that a droplet can mount.

A number is never used twice. A machine may keep a device node, or an open file, of a disk that was removed. If the
number were used again, the machine could write to another machine's disk.
"""

import contextlib
import errno
import fcntl
import os
import stat
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from sandbox import layout
from sandbox.droplets.hypervisor import HypervisorError

MAJOR = 7
FIRST = 4096
"""Far above the numbers that `losetup --find` gives out."""
LAST = (1 << 20) - 1
"""A device number's minor part has 20 bits."""

# linux/loop.h
_SET_FD, _CLR_FD, _SET_STATUS64, _GET_STATUS64, _SET_CAPACITY = 0x4C00, 0x4C01, 0x4C04, 0x4C05, 0x4C07
_CTL_ADD, _CTL_REMOVE = 0x4C80, 0x4C81
_INFO_SIZE, _INFO_OFFSET_FIELD = 232, 24
_BEYOND_ANY_FILE = 1 << 50


def attach(file: Path) -> int:
    """A new device for the file; its number."""
    for _ in range(100):
        number = _next_number()
        with contextlib.suppress(FileExistsError):
            _control(_CTL_ADD, number)
        backing = os.open(file, os.O_RDWR | os.O_CLOEXEC)
        try:
            with _device(number) as device:
                fcntl.ioctl(device, _SET_FD, backing)
                return number
        except OSError as error:
            if error.errno != errno.EBUSY:  # somebody else's: the next number
                raise HypervisorError(f"{file} cannot be made a loop device: {error}") from error
        finally:
            os.close(backing)
    raise HypervisorError(f"No free loop device for {file}: `losetup --list` shows what uses them.")


def is_attached(number: int, file: Path) -> bool:
    """Whether the device is that file's, and was not severed.

    Compares the file's inode, because another root file system on this kernel, such as a container's, may have its own
    sandbox at the same path. All namespaces share the kernel's loop devices.
    """
    if not Path(f"/sys/block/loop{number}/loop/backing_file").exists():
        return False
    try:
        there = file.stat()
        with _device(number) as device:
            info = fcntl.ioctl(device, _GET_STATUS64, bytes(_INFO_SIZE))
    except OSError:
        return False
    file_system, inode, _, offset = struct.unpack_from("4Q", info)
    return (file_system, inode, offset) == (there.st_dev, there.st_ino, 0)


def devices_below(directory: Path) -> dict[int, Path]:
    """The devices whose files are in the directory, by number."""
    root = os.path.realpath(directory) + os.sep
    found: dict[int, Path] = {}
    for entry in Path("/sys/block").glob("loop*"):
        number = int(entry.name.removeprefix("loop"))
        with contextlib.suppress(OSError):
            file = (entry / "loop" / "backing_file").read_text().rstrip("\n")
            if file.startswith(root) and is_attached(number, Path(file)):
                found[number] = Path(file)
    return found


def announce(number: int, action: str) -> None:
    """Tell every udev on this machine, the droplets' own included, that the device came or goes."""
    with contextlib.suppress(OSError):
        Path(f"/sys/block/loop{number}/uevent").write_text(action)


def grow(number: int) -> None:
    """Take over the file's new size, in use or not."""
    with _device(number) as device:
        fcntl.ioctl(device, _SET_CAPACITY, 0)


def sever(number: int) -> None:
    """Remove the device, also while it is open: from now on every read and write there fails.

    The kernel frees a device when its last user closes it. Until then, an offset beyond the
    file's end protects the file: the device exists and is empty.
    """
    with _device(number) as device:
        info = bytearray(fcntl.ioctl(device, _GET_STATUS64, bytes(_INFO_SIZE)))
        struct.pack_into("Q", info, _INFO_OFFSET_FIELD, _BEYOND_ANY_FILE)
        for attempt in range(20):
            try:
                fcntl.ioctl(device, _SET_STATUS64, bytes(info))
                break
            except OSError as error:  # pages that were being written; an older kernel asks to be asked again
                if error.errno != errno.EAGAIN or attempt == 19:
                    raise HypervisorError(f"/dev/loop{number} is busy and cannot be taken away: {error}") from error
                time.sleep(0.1)
        fcntl.ioctl(device, _CLR_FD)
    for _ in range(10):
        try:
            _control(_CTL_REMOVE, number)
        except OSError as error:
            if error.errno != errno.EBUSY:
                break
            time.sleep(0.02)  # the last close is under way; a device that stays in use vanishes with its user
        else:
            break
    node = Path(f"/dev/loop{number}")
    if not Path(f"/sys/block/loop{number}").exists():
        node.unlink(missing_ok=True)


@contextlib.contextmanager
def _device(number: int) -> Iterator[int]:
    """The open device. Its node is created if the kernel does not manage /dev."""
    node = Path(f"/dev/loop{number}")
    if not node.exists():
        os.mknod(node, stat.S_IFBLK | 0o600, os.makedev(MAJOR, number))
    file = os.open(node, os.O_RDWR | os.O_CLOEXEC)
    try:
        yield file
    finally:
        os.close(file)


def _control(request: int, number: int) -> None:
    control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(control, request, number)
    finally:
        os.close(control)


def forget_numbers() -> None:
    """Start again with the first number, once no machine is left that could still use one."""
    _last_number_record().unlink(missing_ok=True)


def _last_number_record() -> Path:
    return layout.STATE / "last-loop-device"


def _next_number() -> int:
    record = _last_number_record()
    record.parent.mkdir(parents=True, exist_ok=True)
    with record.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        number = max(int(file.read() or 0) + 1, FIRST)
        if number > LAST:
            raise HypervisorError("Every loop device number was used once: `make down` starts them anew.")
        file.truncate(0)
        file.write(str(number))
    return number
