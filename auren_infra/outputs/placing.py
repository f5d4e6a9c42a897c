"""Writes files, each completely or not at all. Faults of their paths are reported before.

Nothing is written through a link or to a device. Only the requested directory is created, and no parent of it. A secret
is written to a new file that only its owner can read, also if a readable file was there before.
"""

import contextlib
import os
import stat
import sys
import tempfile
from argparse import ArgumentTypeError
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from auren_infra.outputs.source import OutputsError


@dataclass(frozen=True)
class Placed:
    """A file to be written, at an absolute path."""

    path: Path
    text: str
    secret: bool = False
    """Whether only its owner may read it."""


def path(text: str) -> Path:
    """A path of the command line, for argparse. Raises `ArgumentTypeError` if it is empty, as an unset variable is."""
    if not text:
        raise ArgumentTypeError("the name is empty")
    return Path(text)


def file_path(text: str) -> Path:
    """A file's path of the command line. Raises `ArgumentTypeError` for a directory, and for `-`."""
    if text == "-" or text.endswith(("/", "/.", "/..")):
        raise ArgumentTypeError(f"{text} names no file")
    return path(text)


def faults_of_file(path: Path, made: Path | None = None) -> Iterator[str]:
    """Why no file can be written there. `made` is a directory that will be created before."""
    # These return False without permission, where `Path`'s own methods raise.
    if os.path.islink(path):  # noqa: PTH114
        yield f"{path} is a symbolic link; name the file itself."
    elif os.path.isdir(path):  # noqa: PTH112
        yield f"{path} is a directory; name a file in it."
    elif os.path.exists(path) and not os.path.isfile(path):  # noqa: PTH110, PTH113
        yield f"{path} is no regular file."
    if path.parent != made:
        yield from _faults_of_place(path.parent)


def faults_of_directory(path: Path) -> Iterator[str]:
    """Why the directory cannot be written to or created."""
    there = os.path.lexists(path)
    yield from _faults_of_place(path if there else path.parent)


def _faults_of_place(directory: Path) -> Iterator[str]:
    try:
        is_directory = stat.S_ISDIR(directory.stat().st_mode)
    except FileNotFoundError:
        yield f"The directory {directory} does not exist; create it first, or name another one."
        return
    except OSError as error:
        yield f"{directory} cannot be written to: {error.strerror}."
        return
    effective = os.access in os.supports_effective_ids
    if not is_directory:
        yield f"{directory} is no directory."
    elif not os.access(directory, os.W_OK | os.X_OK, effective_ids=effective):
        yield f"{directory} cannot be written to by this user."


def place(files: Sequence[Placed], directory: Path | None = None) -> None:
    """Write the files, and create the directory if needed. A full disk leaves neither. Raises `OutputsError`."""
    with contextlib.ExitStack() as drafts:
        at = directory
        try:
            if directory and not directory.exists():
                directory.mkdir()
                drafts.callback(_remove_if_empty, directory)
            written: list[tuple[Path, Path]] = []
            for file in files:
                at = file.path
                folder = drafts.enter_context(tempfile.TemporaryDirectory(dir=at.parent, prefix=".auren-"))
                written.append((_draft(file, Path(folder)), at))
            for draft, at in written:
                draft.replace(at)
        except OSError as error:
            raise OutputsError(f"{at} cannot be written: {error.strerror}.") from None


def show(text: str) -> None:
    """Print a text for other tools, in UTF-8 with any locale."""
    if reconfigure := getattr(sys.stdout, "reconfigure", None):  # a replaced standard output may lack it
        reconfigure(encoding="utf-8")
    print(text, end="")


def _draft(file: Placed, folder: Path) -> Path:
    """Write the file in a private directory. Its mode is set before its content is written."""
    draft = folder / "draft"
    mode = 0o600 if file.secret else 0o644
    number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(number, "w", encoding="utf-8") as opened:
        os.fchmod(number, mode)
        found = os.fstat(number)
        if file.secret and (stat.S_IMODE(found.st_mode) & 0o077 or found.st_uid != os.geteuid()):
            raise OutputsError(
                f"{file.path} was not written: on this file system, other users could read it. Choose a path "
                "on another one."
            )
        opened.write(file.text)
        opened.flush()
        os.fsync(number)
    return draft


def _remove_if_empty(directory: Path) -> None:
    with contextlib.suppress(OSError):
        directory.rmdir()
