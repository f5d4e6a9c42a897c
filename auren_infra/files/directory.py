"""A directory's files as one text: a line for each file, so that a changed file is a changed line of a preview."""

from base64 import b64encode
from pathlib import Path


def pack(directory: Path) -> str:
    """`PATH<TAB>BASE64` a line, sorted by path; hidden files are left out."""
    files = sorted(
        path
        for path in directory.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(directory).parts)
    )
    return "".join(
        f"{path.relative_to(directory).as_posix()}\t{b64encode(path.read_bytes()).decode()}\n" for path in files
    )
