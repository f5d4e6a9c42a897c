"""Files and the stores' directories: an edited, a removed or an added one, and one of another owner or mode."""

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePosixPath

from auren_infra import bundle
from auren_infra.drift.containers import Deployed, deployed
from auren_infra.drift.facts import NO_FILE, Facts, Inode
from auren_infra.drift.finding import Finding
from auren_infra.drift.state import of
from auren_infra.files import paths, systemd
from auren_infra.host.sent import Command

_BUNDLED: Mapping[str, Mapping[str, tuple[str, int]]] = {
    "container_firewall": {
        "containers.rules": (paths.CONTAINER_RULES, 0o644),
        **systemd.places(systemd.CONTAINER_FIREWALL),
    },
    "data_disk": systemd.places(systemd.DATA_DISK),
    "log_rotation": {
        "auren-nginx": ("/etc/logrotate.d/auren-nginx", 0o644),
        **systemd.places(systemd.HOURLY_ROTATION),
    },
    "supervision": {
        "watchdog": (paths.WATCHDOG, 0o755),
        **systemd.places(systemd.CONTAINERS, systemd.WATCHDOG, systemd.ALARM),
    },
}
"""Where each file of these scripts' data is put, and its mode."""


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
    found = [*_files(commands), *_directories(commands)]
    for command in commands:
        found += _bundled(command)
    for name, path, mode in (
        ("docker_engine", "/etc/docker/daemon.json", None),
        ("system_updates", "/etc/apt/apt.conf.d/52auren-updates", 0o644),
    ):
        found += [Placed(path, command.urn, _digest(command.data or ""), mode) for command in of(commands, name)]
    return found


@dataclass(frozen=True)
class Tree:
    """A directory that holds these files and nothing else."""

    urn: str
    files: tuple[Placed, ...]
    also: tuple[str, ...] = ()
    """The URNs of the commands that must run after that one."""


def trees(commands: Sequence[Command]) -> dict[str, Tree]:
    """By path: the directories that were copied, and each release's files, which its container has mounted."""
    found: dict[str, Tree] = {}
    for command in of(commands, "put_tree"):
        directory = _directory(command)
        lines = (line.split("\t") for line in (command.data or "").splitlines())
        files = (Placed(f"{directory}/{path}", command.urn, _of_packed(text), 0o644) for path, text in lines)
        found[directory] = Tree(command.urn, tuple(files))
    for one in deployed(commands):
        directory = f"{one.directory}/files"
        files = (_of_release(one, f"{directory}/{name}", text) for name, text in one.release.files.items())
        found[directory] = Tree(one.staged, tuple(files), (one.started,))
    return found


def _of_packed(content: str) -> str:
    return sha256(b64decode(content)).hexdigest()


def _directory(command: Command) -> str:
    """Where the files of a tree are read. A release is read where its readers find it."""
    directory, *released = command.arguments
    return f"{directory}/{paths.CURRENT}" if released else directory


def findings(commands: Sequence[Command], facts: Facts) -> Iterator[Finding]:
    there = facts.files
    wanted = placed(commands)
    for one in wanted:
        yield from _compare(one, there.get(one.path))
    for directory, tree in trees(commands).items():
        for one in tree.files:
            yield from _compare(one, there.get(one.path))
        known = {one.path for one in tree.files}
        added = [path for path in there if PurePosixPath(path).is_relative_to(directory) and path not in known]
        for path in added:
            if path != directory:
                yield Finding(path, "was not deployed", tree.urn, also=tree.also)


def _compare(wanted: Placed, found: Inode | None) -> Iterator[Finding]:
    for what in _differences(wanted, found):
        yield Finding(wanted.path, what, wanted.urn, also=wanted.also)


def _differences(wanted: Placed, found: Inode | None) -> Iterator[str]:
    if found is None:
        yield "is gone"
    elif wanted.digest is not None and found.digest == NO_FILE:
        yield "is no file, but a link or a directory"
    else:
        if wanted.digest is not None and not found.digest.startswith(wanted.digest):
            digests = f": {_short(found.digest)}, not {_short(wanted.digest)} (SHA-256)"
            yield f"has another content than was deployed{'' if wanted.secret else digests}"
        yield from found.differences(wanted.mode, wanted.owner)


def _files(commands: Sequence[Command]) -> Iterator[Placed]:
    for command in of(commands, "put_file"):
        path, mode, owner = command.arguments
        yield Placed(path, command.urn, _digest(command.data or ""), int(mode, 8), owner)
    # A secret's command shows nothing but what it was called with.
    hidden = {command.arguments[:2]: command for command in commands if command.data is None}
    for command in hidden.values():
        if command.arguments[0] == paths.REGISTRY_LOGINS:
            path, mode, owner = command.arguments
            yield Placed(path, command.urn, None, int(mode, 8), owner, secret=True)
    for one in deployed(commands):
        yield _of_release(one, f"{one.directory}/compose.yml", one.release.placed["compose.yml"])
        for name, digest in one.release.secrets.items():
            put = hidden.get((paths.secrets(one.service), name))
            path, owner = f"{one.directory}/secrets/{name}", one.release.owner
            again = (one.staged, one.started)
            yield Placed(path, put.urn if put else one.staged, digest, 0o400, owner, again, secret=True)


def _of_release(one: Deployed, path: str, text: str) -> Placed:
    return Placed(path, one.staged, _digest(text), 0o644, "root:root", (one.started,))


def _directories(commands: Sequence[Command]) -> Iterator[Placed]:
    for command in of(commands, "data_disk"):
        for line in bundle.unpack(command.data or "")["directories"].splitlines():
            path, owner, *_ = line.split(" ")
            yield Placed(path, command.urn, None, owner=owner)


def _bundled(command: Command) -> Iterator[Placed]:
    """The files of a script that is sent several."""
    places = _BUNDLED.get(command.name, {})
    texts = bundle.unpack(command.data or "") if places else {}
    for name, (path, mode) in places.items():
        yield Placed(path, command.urn, _digest(texts[name]), mode)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _short(digest: str) -> str:
    return digest[:12]
