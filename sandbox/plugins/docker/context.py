"""A build context as Docker reads it: the files that `.dockerignore` does not exclude, and their digest."""

import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from docker.api.build import process_dockerfile
from docker.utils import build as docker_build

from sandbox.plugins.values import Values


@dataclass(frozen=True)
class Context:
    """A folder and its Dockerfile, which may be outside of it. Both are relative to the project."""

    folder: str
    dockerfile: str

    @classmethod
    def of(cls, build: Values) -> Self:
        """What a resource's `build` means; the Dockerfile is the folder's own unless another is named."""
        folder = build.get("context", ".")
        return cls(folder, build.get("dockerfile") or os.path.normpath(Path(folder) / "Dockerfile"))

    @property
    def relative_dockerfile(self) -> str:
        """The Dockerfile's path as seen from the folder."""
        return os.path.relpath(self.dockerfile, self.folder)

    def digest(self) -> str:
        """As pulumi-docker works it out: a state that was made here would not be built again there.

        It is the SHA-256 of the Dockerfile and of every file that is not ignored: path, mode, and the SHA-256 of the
        content or of a link's target, each file's with a zero byte behind. A link that leads nowhere is an `OSError`.
        """
        entries = [("Dockerfile", "----------", Path(self.dockerfile).read_bytes())]
        for name in sorted(self._counted(), key=lambda name: Path(name).parts):
            path = Path(self.folder) / name
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                entries.append((name, f"L{stat.filemode(mode)[1:]}", _target(path).encode()))
            elif stat.S_ISREG(mode):
                entries.append((name, stat.filemode(mode), path.read_bytes()))
        whole = hashlib.sha256()
        for name, mode_text, content in entries:
            whole.update(f"{name}{mode_text}".encode() + hashlib.sha256(content).digest() + b"\0")
        return whole.hexdigest()

    def dangling(self) -> str | None:
        """A link that is counted and leads nowhere, if there is one."""
        paths = (Path(self.folder) / name for name in sorted(self._counted()))
        return next((str(path) for path in paths if path.is_symlink() and not path.exists()), None)

    def _counted(self) -> Iterator[str]:
        """The paths below the folder that are not ignored; what is sent has Dockerfile and `.dockerignore` besides."""
        matcher = docker_build.PatternMatcher(self._ignored())
        matcher.patterns.pop()  # the library's own, for `.dockerignore`
        return matcher.walk(self.folder)

    @contextmanager
    def archive(self) -> Iterator[tuple[BinaryIO, str]]:
        """What is sent, as an open tar file, and the Dockerfile's name in it."""
        folder = Path(self.folder).resolve()
        name, text = process_dockerfile(str(Path(self.dockerfile).resolve()), str(folder))
        assert name is not None, "a Dockerfile is always named"
        with tempfile.TemporaryFile() as file:
            docker_build.tar(folder, exclude=self._ignored(), dockerfile=(name, text), fileobj=file)
            yield file, name

    def _ignored(self) -> list[str]:
        """The patterns of `DOCKERFILE.dockerignore`, or else of the folder's `.dockerignore`; none without either."""
        for path in (Path(f"{self.dockerfile}.dockerignore"), Path(self.folder) / ".dockerignore"):
            if path.is_file():
                lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
                return [line for line in lines if line and not line.startswith("#")]
        return []


def _target(link: Path) -> str:
    """Where a link leads in the end: relative to the project, as the link's path is, unless it leads out by a root."""
    target = Path(os.path.realpath(link, strict=True))
    return str(target) if link.readlink().is_absolute() else os.path.relpath(target, os.path.realpath("."))
