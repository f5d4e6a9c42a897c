"""The disk of a droplet's size, which holds what an engine inside stores: a sparse file and its loop device.

`droplet-init` mounts it. The rest of the root file system is a layer on the droplets' image, whose size has no bound
of its own; what fills a server's disk is the engine's data, and that is bounded here as it is there.
"""

import os
from pathlib import Path

from sandbox.droplets import loop
from sandbox.droplets.run import run

GIB = 1 << 30


class SystemDisk:
    def __init__(self, file: Path, number_record: Path) -> None:
        self._file = file
        self._number_record = number_record
        """Where `droplet-init` reads the loop device's number."""

    def make(self, size_gb: int) -> None:
        if self._file.exists():
            return
        unfinished = self._file.with_suffix(".new")
        with unfinished.open("wb") as file:
            file.truncate(size_gb * GIB)
        run(["mkfs.ext4", "-q", "-F", "-L", "system", str(unfinished)], timeout=300)
        unfinished.rename(self._file)

    def device(self) -> int | None:
        """The number of its loop device, when it has one now."""
        try:
            number = int(self._number_record.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return number if loop.is_attached(number, self._file) else None

    def give_device(self) -> int:
        """The number of its loop device, made when it has none."""
        number = self.device()
        return loop.attach(self._file) if number is None else number

    def take_device(self) -> None:
        number = self.device()
        if number is not None:
            loop.sever(number)

    def grow(self, size_gb: int) -> None:
        """Make it larger; the droplet is off. A real one cannot be made smaller either."""
        if size_gb * GIB <= self._file.stat().st_size:
            return
        self.take_device()
        os.truncate(self._file, size_gb * GIB)
        run(["e2fsck", "-p", "-f", str(self._file)], timeout=300, good=(0, 1))  # 1: mended, as after a power cut
        run(["resize2fs", str(self._file)], timeout=300)
