"""A release of a service: its compose file, its configuration files and its secrets, as a machine is sent them.

They are sent as one text, and the digests of the secrets as arguments beside it: a first preview shows the text while
the secrets are not made yet. Both are written and read here alone; on the machine `stage.sh` reads them. A release is
never changed: its id is the digest of all of that, so anything else is another release.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import Any, cast

import yaml

from auren_infra.bundle import indented, pack

RELEASE_ID = "@RELEASE@"
"""Stands for the id of the release in its files. The id is a digest of them, so the machine puts it in."""
COMMAND = "-release"
"""How the name of a command ends that stages a release."""
RESTORE = "-restore"
"""How the name of a container ends, in a release's compose file, that restores the data of the service before it."""
_ID_DIGITS = 16


@dataclass(frozen=True)
class Release:
    owner: str
    """`UID:GID` of the service's user, who may read the secrets."""
    compose: str
    files: Mapping[str, str]
    """Text by name."""
    preflight: str = ""
    """The service of the compose file that judges the release; empty when nobody does."""
    secrets: Mapping[str, str] = field(default_factory=dict[str, str])
    """By name, the digest of what stands in it. A secret itself is sent apart."""
    migration: str = ""
    """`SECONDS COMMAND`: what prepares the data, and how long it may take; empty when nothing does."""

    @property
    def text(self) -> str:
        """What `stage.sh` is sent. Raises `ValueError` for a file whose last line has no end."""
        words = {"owner": self.owner, "preflight": self.preflight, "migration": self.migration}
        lines = (f"{kind} {word}\n" for kind, word in words.items() if word)
        return "".join([*lines, "compose\n", *indented("compose.yml", self.compose), pack(self.files)])

    @cached_property
    def id(self) -> str:
        digests = "".join(f"{argument(name, digest)}\n" for name, digest in self.secrets.items())
        return sha256((self.text + digests).encode()).hexdigest()[:_ID_DIGITS]

    @property
    def placed(self) -> dict[str, str]:
        """Every file as it stands below the release's directory on the machine, but for the secrets."""
        texts = {"compose.yml": self.compose, **{f"files/{name}": text for name, text in self.files.items()}}
        return {path: text.replace(RELEASE_ID, self.id) for path, text in texts.items()}

    def specification(self, service: str) -> Mapping[str, Any]:
        """The service's part of the compose file, as it stands on the machine."""
        return self._specifications[service]

    @cached_property
    def _specifications(self) -> Mapping[str, Mapping[str, Any]]:
        """By service. A look for drift asks for them many times, and YAML is slow to read."""
        document = cast("dict[str, dict[str, Any]]", yaml.safe_load(self.placed["compose.yml"]))
        return document["services"]


def argument(secret: str, digest: str) -> str:
    """What `stage.sh` is told of a secret."""
    return f"{secret}={digest}"


@lru_cache(maxsize=32)
def parse(text: str, arguments: tuple[str, ...]) -> Release:
    """The release that `stage.sh` was sent. Raises `ValueError` when the text is none."""
    words: dict[str, str] = {}
    bodies: dict[str, list[str]] = {}
    body: list[str] = []
    for line in text.removesuffix("\n").split("\n"):  # splitlines would know more ends of a line than bash does
        match = re.fullmatch(r"(owner|preflight|file) (\S+)|(migration) (\d+ .+)|compose", line)
        if line.startswith(" "):
            body.append(f"{line[1:]}\n")
        elif not match:
            raise ValueError(f"this is no line of a release: {line!r}")
        elif match[3]:
            words[match[3]] = match[4]
        elif match[1] in ("owner", "preflight"):
            words[match[1]] = match[2]
        else:
            body = bodies.setdefault(match[2] or "", [])
    if "owner" not in words or "" not in bodies:
        raise ValueError("a release has an owner and a compose file")
    texts = {name: "".join(lines) for name, lines in bodies.items()}
    compose = texts.pop("")
    secrets = {name: digest for name, _, digest in (each.partition("=") for each in arguments)}
    return Release(words["owner"], compose, texts, words.get("preflight", ""), secrets, words.get("migration", ""))
