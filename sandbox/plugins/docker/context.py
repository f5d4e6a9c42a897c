"""A build context as Docker sees it: the files that `.dockerignore` leaves, and what tells two contexts apart."""

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
        """Of the Dockerfile and of every file that is sent: its path, its mode, and its content or a link's target."""
        whole = hashlib.sha256(hashlib.sha256(Path(self.dockerfile).read_bytes()).digest())
        for name in sorted(docker_build.exclude_paths(self.folder, self._ignored(), self.relative_dockerfile)):
            path = Path(self.folder) / name
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                content = str(path.readlink()).encode()
            elif stat.S_ISREG(mode):
                content = path.read_bytes()
            else:
                continue
            whole.update(f"{name}\0{stat.filemode(mode)}\0".encode() + hashlib.sha256(content).digest())
        return whole.hexdigest()

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
