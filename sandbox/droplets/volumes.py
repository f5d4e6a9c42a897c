"""Block volumes: a sparse file each, a loop device while a droplet that it is attached to is on.

A volume consists of a file and a record, which names its droplet. Both are kept when droplets are destroyed, when the
API ends, and when this machine restarts.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sandbox import layout
from sandbox.droplets import loop, mounts
from sandbox.droplets.hypervisor import HypervisorError, VolumeSpec
from sandbox.droplets.run import run

GIB = 1 << 30
_MAKE_FILE_SYSTEM: Mapping[str, tuple[str, ...]] = {
    "ext4": ("mkfs.ext4", "-q", "-F"),
    "xfs": ("mkfs.xfs", "-q", "-f"),
}


@dataclass(frozen=True)
class Volume:
    id: str
    name: str
    droplet: int | None = None
    """What it is attached to."""
    device: int | None = None
    """Its loop device's number, when it had one last."""

    @property
    def file(self) -> Path:
        return directory() / f"{self.id}.img"


def directory() -> Path:
    return layout.STATE / "volumes"


def create(spec: VolumeSpec) -> None:
    if _record(spec.id).exists():
        return
    directory().mkdir(parents=True, exist_ok=True)
    volume = Volume(spec.id, spec.name)
    unfinished = volume.file.with_suffix(".new")
    with unfinished.open("wb") as file:
        file.truncate(spec.size_gb * GIB)
    if spec.filesystem_type:
        command = _MAKE_FILE_SYSTEM.get(spec.filesystem_type)
        if command is None:
            raise HypervisorError(
                f"Volume {spec.name}: no file system {spec.filesystem_type!r}; ext4 and xfs there are."
            )
        label = ("-L", spec.filesystem_label) if spec.filesystem_label else ()
        run([*command, *label, str(unfinished)], timeout=300)
    unfinished.rename(volume.file)
    _save(volume)


def get(volume_id: str) -> Volume:
    try:
        return Volume(**json.loads(_record(volume_id).read_text()))
    except FileNotFoundError as error:
        raise HypervisorError(f"There is no volume {volume_id}.") from error


def resize(volume_id: str, size_gb: int) -> None:
    """Make it larger, in use or not; what is on it is grown from within, as on a real droplet."""
    volume = get(volume_id)
    size = size_gb * GIB
    present = volume.file.stat().st_size
    if size < present:
        raise HypervisorError(f"Volume {volume.name} has {present // GIB} GB already: a volume only grows.")
    os.truncate(volume.file, size)
    number = device(volume)
    if number is not None:
        loop.grow(number)


def delete(volume_id: str) -> None:
    if not _record(volume_id).exists():
        return
    volume = get(volume_id)
    if volume.droplet is not None:
        raise HypervisorError(f"Volume {volume.name} is attached to droplet {volume.droplet}: detach it first.")
    volume.file.unlink(missing_ok=True)
    _record(volume_id).unlink()


def attached_to(droplet_id: int) -> list[Volume]:
    volumes = [get(record.stem) for record in sorted(directory().glob("*.json"))]
    return [volume for volume in volumes if volume.droplet == droplet_id]


def attach(volume_id: str, droplet_id: int) -> Volume:
    volume = get(volume_id)
    if volume.droplet not in (None, droplet_id):
        raise HypervisorError(f"Volume {volume.name} is attached to droplet {volume.droplet} already.")
    return _save(replace(volume, droplet=droplet_id))


def detach(volume_id: str) -> None:
    """Forget the attachment; the device must be gone."""
    _save(replace(get(volume_id), droplet=None, device=None))


def device(volume: Volume) -> int | None:
    """The number of its loop device, when it has one now."""
    live = volume.device is not None and loop.is_attached(volume.device, volume.file)
    return volume.device if live else None


def give_device(volume: Volume) -> int:
    """The number of its loop device, which is created if it has none."""
    number = device(volume)
    if number is None:
        number = loop.attach(volume.file)
        _save(replace(volume, device=number))
    return number


def take_device(volume: Volume, stop: mounts.Stop) -> None:
    """Remove its loop device, also while it is in use."""
    number = device(volume)
    if number is not None:
        mounts.stop_file_system(number, stop)
        mounts.unmount(number)
        loop.sever(number)


def _record(volume_id: str) -> Path:
    return directory() / f"{volume_id}.json"


def _save(volume: Volume) -> Volume:
    unfinished = _record(volume.id).with_suffix(".unfinished")
    unfinished.write_text(json.dumps(asdict(volume)))
    unfinished.replace(_record(volume.id))
    return volume
