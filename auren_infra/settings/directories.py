"""Directories whose files are sent to the machine. They are kept in the stack's state."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

from auren_infra.contents import Contents, contents
from auren_infra.settings.faults import wrong

LIMIT_MEGABYTES = 16
"""A directory's files are in the stack's state. A larger website belongs in object storage."""

WEBSITE = "website"
"""The usual directory of the website, and the name of its image in `auren:images`."""

ANONYMISE = "sql/anonymise"
"""The usual directory of the SQL that makes another stack's data anonymous."""

_MOST_NAMED = 20
"""The number of faults of one directory that are listed. The others are counted."""
_LARGEST_NAMED = 3


_RUN = (".sql", ".sql.gz", ".sql.xz", ".sql.zst", ".sh")
"""Endings of the files that PostgreSQL's image runs. It runs no files of subdirectories."""


def _sql(value: str) -> str:
    return _checked(value, run=_RUN)


def _sql_for_others_data(value: str, info: ValidationInfo) -> str:
    """The usual directory need not be there while no data of another stack is to be made anonymous."""
    needed = info.data.get("restore_from") and not info.data.get("real_data", True)
    if not needed and value == ANONYMISE:
        return value
    if needed and not any(Path(value).glob("*.sql")):
        raise wrong(
            "there is no SQL (*.sql), so auren:restoreFrom would bring the data of people here as it is; write the SQL "
            "that makes it anonymous, or set auren:realData to true"
        )
    return _checked(value, run=(".sql",))


def _website(value: str, info: ValidationInfo) -> str:
    """The directory is not looked at when the files come from an image."""
    if WEBSITE in info.data.get("images", ()):
        if value != WEBSITE:
            raise wrong("the website comes from the image in auren:images; remove this setting, or that entry")
        return value
    return _checked(value, index="build the website, or name the directory that it is built into")


def _checked(value: str, *, index: str = "", run: tuple[str, ...] = ()) -> str:
    """Refuse a directory with all its faults. `index` is the repair for a missing index.html; empty if none is needed.
    `run` are the endings of files that are run, if any are: another file is a fault."""
    try:
        if not Path(value).is_dir():
            raise wrong("there is no such directory; name one relative to the project")
        if Path.cwd().is_relative_to(Path(value).resolve()):
            raise wrong("contains the whole project, including private files; name a directory inside it")
        found = contents(Path(value))
    except OSError as error:
        raise wrong("cannot be read ({reason}); name a directory that can", reason=str(error.strerror)) from None
    faults = list(found.faults)
    if index and "index.html" not in found.files:
        faults.insert(0, f"the directory has no index.html; {index}")
    if run:
        *others, last = [f"*{ending}" for ending in run]
        names = f"{', '.join(others)} or {last}" if others else last
        faults += [
            f"{path} would never be run; name it {names}, in the directory itself"
            for path in found.files
            if "/" in path or not path.endswith(run)
        ]
    if found.size > LIMIT_MEGABYTES * 2**20:
        faults.insert(0, _too_large(found))
    if len(faults) > 1:
        rest = [f"and {len(faults) - _MOST_NAMED:,} more"] if len(faults) > _MOST_NAMED else []
        faults = ["\n".join([f"the directory has {len(faults):,} faults", *faults[:_MOST_NAMED], *rest])]
    if faults:
        raise wrong("{faults}", faults=faults[0])
    return value


def _too_large(found: Contents) -> str:
    sizes = {path: file.stat().st_size for path, file in found.files.items()}
    largest = sorted(sizes, key=lambda path: -sizes[path])[:_LARGEST_NAMED]
    named = ", ".join(f"{path} ({sizes[path] / 2**20:.1f} MB)" for path in largest)
    return (
        f"its files have {found.size / 2**20:.1f} MB, and {LIMIT_MEGABYTES} MB is the most; "
        f"name a directory that holds only what is needed there (the largest are {named})"
    )


SqlDirectory = Annotated[str, AfterValidator(_sql)]
SqlForOthersData = Annotated[str, AfterValidator(_sql_for_others_data)]
Website = Annotated[str, AfterValidator(_website)]
