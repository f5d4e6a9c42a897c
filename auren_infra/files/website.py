"""The website's files as one text: a line for each file, so that a changed file is a changed line of a preview."""

from base64 import b64encode
from pathlib import Path

from auren_infra.settings import SettingsError

LIMIT_MEGABYTES = 16
"""The text travels through the stack's state; a larger website belongs in object storage."""


def pack(directory: Path) -> str:
    """`PATH<TAB>BASE64` a line, sorted by path; hidden files are left out.

    Raises `SettingsError` for a website that is too large.
    """
    files = sorted(
        path
        for path in directory.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(directory).parts)
    )
    size = sum(path.stat().st_size for path in files)
    if size > LIMIT_MEGABYTES * 2**20:
        raise SettingsError(
            f"auren:website: {directory} has {size / 2**20:.0f} MB of files, the limit is {LIMIT_MEGABYTES} MB; "
            "name the directory that holds only the built website"
        )
    return "".join(
        f"{path.relative_to(directory).as_posix()}\t{b64encode(path.read_bytes()).decode()}\n" for path in files
    )
