"""The files that are to be on a machine, and the directories of the stores."""

from base64 import b64decode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from auren_infra.files import paths, systemd
from auren_infra.host.expected.releases import Deployed, deployed
from auren_infra.host.orders import (
    ContainerFirewall,
    DataDisk,
    DockerEngine,
    Jobs,
    LogRotation,
    Order,
    Programs,
    PutFile,
    PutImageTree,
    PutSecret,
    PutTree,
    Supervision,
    SystemUpdates,
)
from auren_infra.host.sent import Command, of


@dataclass(frozen=True)
class Placed:
    """A file or a directory as it was put on the machine; what is None may be anything."""

    path: str
    urn: str
    digest: str | None
    """The SHA-256 of its content; how its HMAC begins for a secret."""
    mode: int | None = None
    owner: str | None = None
    """By number or by name."""
    also: tuple[str, ...] = ()
    """The URNs of the commands that must run after that one."""
    secret: bool = False


def placed(commands: Sequence[Command]) -> list[Placed]:
    """Every file and directory, but for those of the trees."""
    written = [
        Placed(path, command.urn, _digest(text), mode)
        for command in commands
        for path, text, mode in _written(command.order)
    ]
    return [*_files(commands), *_directories(commands), *written]


def _written(order: Order) -> Sequence[tuple[str, str, int | None]]:
    """The path, the text and the mode of each file that the script of the order knows by itself."""
    match order:
        case ContainerFirewall():
            return [(paths.CONTAINER_RULES, order.rules, 0o644), _unit(systemd.CONTAINER_FIREWALL, order.unit)]
        case DataDisk():
            return [_unit(systemd.DATA_DISK, order.waiting)]
        case DockerEngine():
            return [("/etc/docker/daemon.json", order.daemon, None)]
        case Jobs():
            return [_unit(name, text) for name, text in order.units.items()]
        case LogRotation():
            rule = ("/etc/logrotate.d/auren-nginx", order.rule, 0o644)
            return [rule, _unit(systemd.HOURLY_ROTATION, order.hourly)]
        case Programs():
            return [_program(name, text) for name, text in order.files.items()]
        case Supervision():
            units = [_unit(name, text) for name, text in order.units.items()]
            return [(paths.WATCHDOG, order.watchdog, 0o755), *units]
        case SystemUpdates():
            return [("/etc/apt/apt.conf.d/52auren-updates", order.configuration, 0o644)]
        case _:
            return []


def _program(name: str, text: str) -> tuple[str, str, int]:
    """As `programs.sh` puts it."""
    directory = paths.COMMANDS if name.startswith("auren-") else paths.PROGRAMS
    return f"{directory}/{name}", text, 0o755 if text.startswith("#!") else 0o644


def _unit(name: str, text: str) -> tuple[str, str, int]:
    return f"{paths.UNITS}/{name}", text, 0o644


@dataclass(frozen=True)
class Tree:
    """A directory that holds these files and nothing else."""

    urn: str
    files: tuple[Placed, ...]
    also: tuple[str, ...] = ()
    """The URNs of the commands that must run after that one."""


@dataclass(frozen=True)
class TreeOfImage:
    """A directory that holds the files of an image and nothing else. A manifest on the machine says which they are."""

    urn: str
    directory: str
    image: str
    manifest: str | None
    """The digest of the manifest, as the script has printed it. None: it has not come so far."""

    @property
    def current(self) -> str:
        """Where the files are read."""
        return f"{self.directory}/{paths.CURRENT}"

    def files(self, manifest: str) -> tuple[Placed, ...]:
        """What the manifest names, as `put_image_tree.sh` writes it: the image, then a line for each file."""
        pairs = (line.split("  ", 1) for line in manifest.splitlines()[1:] if "  " in line)
        return tuple(Placed(f"{self.current}/{path}", self.urn, digest, 0o644) for digest, path in pairs)


def trees_of_images(commands: Sequence[Command]) -> list[TreeOfImage]:
    return [
        TreeOfImage(each.urn, each.order.directory, each.order.image, each.order.manifest(each.printed))
        for each in of(commands, PutImageTree)
    ]


def trees(commands: Sequence[Command]) -> dict[str, Tree]:
    """By path: the directories that were copied, and each release's files, which its container has mounted."""
    found: dict[str, Tree] = {}
    for command in of(commands, PutTree):
        directory = _directory(command.order)
        lines = (line.split("\t") for line in command.order.packed.splitlines())
        files = (Placed(f"{directory}/{path}", command.urn, _of_packed(text), 0o644) for path, text in lines)
        found[directory] = Tree(command.urn, tuple(files))
    for one in deployed(commands):
        directory = f"{one.directory}/files"
        texts = one.release.placed
        files = (_of_release(one, f"{directory}/{name}", texts[f"files/{name}"]) for name in one.release.files)
        found[directory] = Tree(one.staged, tuple(files), (one.started,))
    return found


def _of_packed(content: str) -> str:
    return sha256(b64decode(content)).hexdigest()


def _directory(tree: PutTree) -> str:
    """Where the files of a tree are read. A release is read where its readers find it."""
    return f"{tree.directory}/{paths.CURRENT}" if tree.released else tree.directory


def _files(commands: Sequence[Command]) -> Iterator[Placed]:
    for command in of(commands, PutFile):
        order, text = command.order, command.order.text
        digest = None if text is None else _digest(text)
        yield Placed(order.path, command.urn, digest, int(order.mode, 8), order.owner, secret=text is None)
    secrets = {(command.order.directory, command.order.name): command for command in of(commands, PutSecret)}
    for one in deployed(commands):
        yield _of_release(one, f"{one.directory}/compose.yml", one.release.placed["compose.yml"])
        for name, digest in one.release.secrets.items():
            put = secrets.get((paths.secrets(one.service), name))
            path, owner = f"{one.directory}/secrets/{name}", one.release.owner
            again = (one.staged, one.started)
            yield Placed(path, put.urn if put else one.staged, digest, 0o400, owner, again, secret=True)


def _of_release(one: Deployed, path: str, text: str) -> Placed:
    return Placed(path, one.staged, _digest(text), 0o644, "root:root", (one.started,))


def _directories(commands: Sequence[Command]) -> Iterator[Placed]:
    for command in of(commands, DataDisk):
        for line in command.order.directories.splitlines():
            path, owner, *_ = line.split(" ")
            yield Placed(path, command.urn, None, owner=owner)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
