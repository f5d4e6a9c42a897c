"""Orders that put files on a machine, and take them away."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic

import pulumi

from auren_infra.host.orders.order import Order, Text, joined, known, no_data, seen


@dataclass(frozen=True)
class PutFile(Order, Generic[Text]):
    """A file with exactly this text, mode and owner."""

    id: ClassVar[str] = "put_file"

    path: str
    mode: str
    """As chmod takes it, such as `0644`."""
    owner: str
    """As chown takes it, such as `root:root`."""
    text: Text

    def arguments(self) -> Sequence[str]:
        return self.path, self.mode, self.owner

    def data(self) -> pulumi.Input[str]:
        return known(self.text)

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "PutFile[str | None]":
        path, mode, owner = arguments
        return PutFile(path, mode, owner, data)


@dataclass(frozen=True)
class RemoveFile(Order):
    """No file of this path."""

    id: ClassVar[str] = "remove_file"

    path: str

    def arguments(self) -> Sequence[str]:
        return (self.path,)

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "RemoveFile":
        no_data(data)
        (path,) = arguments
        return RemoveFile(path)


@dataclass(frozen=True)
class PutSecret(Order, Generic[Text]):
    """A secret, in its service's directory, under the name `NAME.DIGEST`."""

    id: ClassVar[str] = "put_secret"

    directory: str
    name: str
    owner: str
    digest: Text
    text: Text

    def arguments(self) -> Sequence[str]:
        return self.directory, self.name, self.owner

    def data(self) -> pulumi.Input[str]:
        return joined(known(self.digest), "\n", known(self.text))

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "PutSecret[str | None]":
        directory, name, owner = arguments
        if data is None:
            return PutSecret[str | None](directory, name, owner, None, None)
        digest, end, text = data.partition("\n")
        if not end:
            raise ValueError("a secret stands behind its digest")
        return PutSecret[str | None](directory, name, owner, digest, text)


@dataclass(frozen=True)
class PutTree(Order):
    """A directory with exactly these files."""

    id: ClassVar[str] = "put_tree"

    directory: str
    released: bool
    """Whether the files are in a directory of their own, whole, before the link `current` leads there."""
    packed: str
    """As `auren_infra.files.directory` packs them."""

    def arguments(self) -> Sequence[str]:
        return (self.directory, *(["release"] if self.released else []))

    def data(self) -> str:
        return self.packed

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "PutTree":
        directory, *released = arguments
        if released not in ([], ["release"]):
            raise ValueError(f"{' '.join(released)!r} stands behind the directory of a tree")
        return PutTree(directory, bool(released), seen(data))


@dataclass(frozen=True)
class PutImageTree(Order):
    """A directory with exactly the files that an image has in a directory of its own, as a release."""

    id: ClassVar[str] = "put_image_tree"

    directory: str
    image: str
    """With its digest."""
    source: str
    """The directory in the image."""
    most_entries: int
    """Files and directories that it may have."""
    most_megabytes: int

    def arguments(self) -> Sequence[str]:
        return self.directory, self.image, self.source, str(self.most_entries), str(self.most_megabytes)

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "PutImageTree":
        no_data(data)
        directory, image, source, entries, megabytes = arguments
        return PutImageTree(directory, image, source, int(entries), int(megabytes))

    @staticmethod
    def manifest(printed: str) -> str | None:
        """The digest of the release's manifest, in what the script has printed. None: it has not come so far."""
        found = re.search(r", manifest ([0-9a-f]{64})\n?$", printed)
        return found[1] if found else None
