"""The files of this repository, also where it was unpacked without its history."""

import fnmatch
import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOT_COMMITTED = (".git", ".venv", "__pycache__", "*.egg-info", ".*_cache", ".hypothesis", ".coverage*")


def files() -> list[str]:
    """Their paths below `ROOT`, sorted."""
    return sorted(_files())


def _files() -> Iterator[str]:
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if not _left_out(name)]
        for name in names:
            path = Path(folder, name)
            if not _left_out(name) and path.is_file():
                yield path.relative_to(ROOT).as_posix()


def _left_out(name: str) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in NOT_COMMITTED)
