"""What an image is made of, and the digest that names it: an unchanged recipe is an image that exists already."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from sandbox import layout

HERE = Path(__file__).parent

SERVICES = ("nginx", "postgres", "redis", "api", "bridge", "chromadb", "zookeeper", "kafka", "kafka-ui")
"""The services that have an image; each image is a folder here."""
OWN = ("api", "bridge")
"""The services whose image nobody publishes. They are built here, whatever the others run."""
FOLDERS = {"zookeeper": "kafka"}
"""Where the folder has another name: services of one folder are one image."""

REPOSITORY = layout.NAME
"""Local images are called `auren-sandbox/NAME:DIGEST`."""

SUITE = "trixie"
"""The Debian release that every image is made of."""
PYTHON = "3.13"
"""That release's Python, which wheels must fit."""


class ImageBuildError(RuntimeError):
    """An image could not be made; the text says why and what to do."""


@dataclass(frozen=True)
class Recipe:
    """One service's image: a folder with a Dockerfile, on top of the base image."""

    name: str
    """The service's."""
    base: str
    """The base image's reference."""

    @property
    def folder(self) -> Path:
        return HERE / FOLDERS.get(self.name, self.name)

    @property
    def tag(self) -> str:
        return digest_of(self.folder, self.base, PYTHON)

    @property
    def reference(self) -> str:
        return f"{REPOSITORY}/{self.folder.name}:{self.tag}"


def digest_of(folder: Path, *words: str) -> str:
    """Twelve hexadecimal digits that name a folder's files (paths, modes, contents) together with `words`."""
    digest = hashlib.sha256("\0".join(words).encode())
    for file in sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        executable = bool(file.stat().st_mode & 0o100)
        digest.update(f"\0{file.relative_to(folder)}\0{executable}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:12]
