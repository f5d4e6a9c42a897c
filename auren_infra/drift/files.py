"""Files and directories: an edited, a removed or an added one, and one of another owner or mode."""

import re
from base64 import b64decode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePosixPath
from string import Template

from auren_infra.drift.containers import anew, started
from auren_infra.drift.facts import NO_FILE, Facts, Inode
from auren_infra.drift.finding import Finding
from auren_infra.drift.state import of
from auren_infra.files import paths
from auren_infra.host.sent import Command

PRIVATE = (paths.SECRETS, "/root/.ssh")
"""Directories that wait_ready.sh keeps to root."""


@dataclass(frozen=True)
class Placed:
    """A file or a directory as it was put on the machine; what is None may be anything."""

    path: str
    urn: str
    digest: str | None
    """How the SHA-256 of its content begins."""
    mode: int | None = None
    owner: str | None = None
    """By number or by name."""


def placed(commands: Sequence[Command]) -> list[Placed]:
    """Every file and directory, but for those of the trees."""
    found = [*_files(commands), *_directories(commands)]
    for command in commands:
        found += [Placed(path, command.urn, _digest(text), 0o644) for path, text in _written(command.script)]
    for name, path, mode in (
        ("container_firewall", "/etc/auren/containers.rules", 0o644),
        ("docker_engine", "/etc/docker/daemon.json", None),
        ("log_rotation", "/etc/logrotate.d/auren-nginx", 0o644),
        ("supervision", "/usr/local/lib/auren/watchdog", 0o755),
        ("system_updates", "/etc/apt/apt.conf.d/52auren-updates", 0o644),
    ):
        found += [Placed(path, command.urn, _digest(command.data or ""), mode) for command in of(commands, name)]
    return found


def trees(commands: Sequence[Command]) -> dict[str, list[Placed]]:
    """Directory -> all files that are below it."""
    return {
        command.arguments[0]: [
            Placed(f"{command.arguments[0]}/{path}", command.urn, sha256(b64decode(content)).hexdigest(), 0o644)
            for path, content in (line.split("\t") for line in (command.data or "").splitlines())
        ]
        for command in of(commands, "put_tree")
    }


def findings(commands: Sequence[Command], facts: Facts) -> Iterator[Finding]:
    there = facts.files
    wanted = placed(commands)
    for one in wanted:
        yield from _compare(one, there.get(one.path))
    for directory, files in trees(commands).items():
        for one in files:
            yield from _compare(one, there.get(one.path))
        known = {one.path for one in files}
        added = [path for path in there if PurePosixPath(path).is_relative_to(directory) and path not in known]
        (urn,) = {command.urn for command in of(commands, "put_tree") if command.arguments[0] == directory}
        yield from (Finding(path, "was not deployed", urn) for path in added if path != directory)
    yield from _stale(commands, wanted, facts)


def _stale(commands: Sequence[Command], wanted: Iterable[Placed], facts: Facts) -> Iterator[Finding]:
    """A container keeps a file that was replaced, and sees one that was written in place.

    A restart would not do before the file itself is right. So the container is made anew, by a command that Pulumi runs
    after the file's.
    """
    digests = {one.path: one.digest for one in wanted}
    deployed = {one.name: one for one in started(commands)}
    for seen in facts.mounted_files:
        if seen.container in deployed and not seen.digest.startswith(digests.get(seen.path) or ""):
            one = deployed[seen.container]
            yield Finding(
                seen.container, f"reads another {seen.path} than was deployed", one.urn, by_hand=anew(one.service)
            )


def _compare(wanted: Placed, found: Inode | None) -> Iterator[Finding]:
    if found is None:
        yield Finding(wanted.path, "is gone", wanted.urn)
        return
    if wanted.digest is not None and found.digest == NO_FILE:
        yield Finding(wanted.path, "is no file, but a link or a directory", wanted.urn)
        return
    if wanted.digest is not None and not found.digest.startswith(wanted.digest):
        what = f"has another content than was deployed: {_short(found.digest)}, not {_short(wanted.digest)} (SHA-256)"
        yield Finding(wanted.path, what, wanted.urn)
    if wanted.mode is not None and found.mode != wanted.mode:
        yield Finding(wanted.path, f"has the mode {found.mode:04o}, not {wanted.mode:04o}", wanted.urn)
    if wanted.owner is not None and wanted.owner not in found.owner:
        yield Finding(wanted.path, f"belongs to {found.owner[0]}, not {wanted.owner}", wanted.urn)


def _files(commands: Sequence[Command]) -> Iterator[Placed]:
    digests = _secret_digests(commands)
    for command in commands:
        # With a secret behind it, the script's own text is not to be seen: only files are sent so.
        if command.name == "put_file" or command.data is None:
            path, mode, owner = command.arguments
            digest = digests.get(path) if command.data is None else _digest(command.data)
            yield Placed(path, command.urn, digest, int(mode, 8), owner)


def _secret_digests(commands: Sequence[Command]) -> dict[str, str]:
    """Twelve digits of each secret file's digest, from the containers' commands that read it."""
    lines = (line for command in of(commands, "container") for line in (command.data or "").splitlines())
    return dict(line.removeprefix("# ").split(" ") for line in lines if line.startswith("# /"))


def _directories(commands: Sequence[Command]) -> Iterator[Placed]:
    for command in of(commands, "wait_ready"):
        for path in PRIVATE:
            yield Placed(path, command.urn, None, 0o700, "root:root")
    for command in of(commands, "data_disk"):
        for line in (command.data or "").splitlines():
            path, owner, *_ = line.split(" ")
            yield Placed(path, command.urn, None, owner=owner)


def _written(script: str) -> Iterator[tuple[str, str]]:
    """The path and text of each file that a script writes from its own lines: `… "$path" … <<UNIT`."""
    values = dict(re.findall(r"^(\w+)=(\S+)$", script, re.MULTILINE))
    for opening, text in re.findall(r"^([^\n]*)<<UNIT\n(.*?\n)UNIT$", script, re.MULTILINE | re.DOTALL):
        if path := re.search(r'"(/[^"]+)"', Template(opening).safe_substitute(values)):
            yield path[1].removesuffix(".new"), Template(text).safe_substitute(values)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _short(digest: str) -> str:
    return digest[:12]
