"""Directories whose files go to the machine, by way of the stack's state."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from auren_infra.settings.faults import wrong

LIMIT_MEGABYTES = 16
"""A directory's files travel through the stack's state; a larger website belongs in object storage."""


def _directory(value: str) -> str:
    try:
        if not Path(value).is_dir():
            raise wrong("there is no such directory; name one relative to the project")
        _read(Path(value))
    except OSError as error:
        raise wrong("cannot be read ({reason}); name a directory that can", reason=str(error.strerror)) from None
    return value


def _read(directory: Path) -> None:
    """Look at every file that would be sent. Stops at the first that cannot, and when there are too many."""
    room = LIMIT_MEGABYTES * 2**20
    for path in _files(directory):
        name = path.relative_to(directory).as_posix()
        if not name.isprintable():
            raise wrong("the name of {file} holds what is no letter, digit or sign; rename it", file=repr(name))
        room -= path.stat().st_size
        if room < 0:
            raise wrong(
                "its files have more than {limit} MB; name a directory that holds only what is needed there",
                limit=LIMIT_MEGABYTES,
            )
        with path.open("rb"):  # whoever may not read it is told now
            pass


def _files(directory: Path) -> Iterator[Path]:
    return (path for path in directory.rglob("*") if path.is_file())


def _website(value: str) -> str:
    if not (Path(value) / "index.html").is_file():
        raise wrong("the directory has no index.html; build the website, or name the directory that it is built into")
    return value


Directory = Annotated[str, AfterValidator(_directory)]
Website = Annotated[Directory, AfterValidator(_website)]
