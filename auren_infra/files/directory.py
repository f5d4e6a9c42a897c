"""A directory's files as one text: a line for each file, so that a changed file is a changed line of a preview."""

from base64 import b64encode
from pathlib import Path

from auren_infra.contents import contents


def pack(directory: Path) -> str:
    """`PATH<TAB>BASE64` a line, sorted by path. Raises `ValueError` for what the settings' validation refuses."""
    found = contents(directory)
    if found.faults:
        raise ValueError(f"{directory} changed since it was looked at: {'; '.join(found.faults)}")
    return "".join(f"{path}\t{b64encode(file.read_bytes()).decode()}\n" for path, file in found.files.items())
