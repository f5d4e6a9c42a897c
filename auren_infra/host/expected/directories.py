"""The directories that are to be on a machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from auren_infra.files import paths
from auren_infra.host.expected.releases import deployed
from auren_infra.host.orders import ContainerFirewall, DataDisk, Programs, PutFile, PutImageTree, PutTree, WaitReady
from auren_infra.host.sent import Command, of

ROOT = "0:0"


@dataclass(frozen=True)
class Directory:
    path: str
    mode: int
    owner: str = ROOT
    """By number."""


def directories(commands: Sequence[Command]) -> list[Directory]:
    """What the scripts make, with the modes that they give."""
    found = [
        Directory(path, mode)
        for kind, path, mode in (
            (WaitReady, paths.PROJECT, 0o755),
            (WaitReady, paths.SERVICES, 0o700),
            (WaitReady, "/root/.ssh", 0o700),
            (ContainerFirewall, "/etc/auren", 0o755),
            (Programs, paths.PROGRAMS, 0o755),
        )
        if of(commands, kind)
    ]
    found += [
        Directory(command.order.directory, 0o755) for kind in (PutTree, PutImageTree) for command in of(commands, kind)
    ]
    if any(command.order.path == paths.REGISTRY_LOGINS for command in of(commands, PutFile)):
        found.append(Directory(str(PurePosixPath(paths.REGISTRY_LOGINS).parent), 0o755))
    for one in deployed(commands):
        service = f"{paths.SERVICES}/{one.service}"
        found += [Directory(path, 0o755) for path in (service, f"{service}/releases", one.directory)]
        found += [
            Directory(f"{one.directory}/files", 0o755),
            Directory(f"{one.directory}/secrets", 0o500, one.release.owner),
        ]
        if one.release.secrets:
            found.append(Directory(paths.secrets(one.service), 0o700))
    return found


def stores(commands: Sequence[Command]) -> list[str]:
    """The directories of the stores. Their images may give them another mode, but never one that lets everybody in."""
    texts = [command.order.directories for command in of(commands, DataDisk)]
    return [line.split(" ")[0] for text in texts for line in text.splitlines()]
