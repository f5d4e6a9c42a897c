"""What a directory holds that goes to a machine, and what it holds that cannot go there.

The validation of the settings and the packing both ask here: what is counted is what is sent.
"""

import stat
from dataclasses import dataclass, field
from pathlib import Path

PUBLIC_HIDDEN = ".well-known"
"""The one hidden name that is sent, at the directory's root (RFC 8615). nginx serves it, and nothing else hidden."""
MOST_ENTRIES = 10_000
"""Files and directories. The script that writes them takes milliseconds for each, and ten minutes at most for all."""
MOST_MEGABYTES_OF_IMAGE = 256
"""Of a directory that an image has. Its files are in no state. The machine's disk holds them four times at most: two
releases, and their images."""
LONGEST_NAME = 255
"""Bytes of a name that ext4 takes. APFS and NTFS count characters, so their names can be longer."""
LONGEST_PATH = 1000
"""Bytes of a path below the directory. Linux takes 4095 for a whole path, the machine's own directories included."""


@dataclass(frozen=True)
class Contents:
    files: dict[str, Path]
    """By path below the directory, in the order in which they are packed."""
    size: int
    """Bytes of all files."""
    faults: tuple[str, ...]
    """For each entry that cannot be sent its path, the reason and the repair."""


@dataclass
class _Walk:
    """A walk through a directory. Hidden files are left out; a symbolic link counts as what it leads to."""

    root: Path
    files: dict[str, Path] = field(default_factory=dict[str, Path])
    size: int = 0
    faults: list[str] = field(default_factory=list[str])
    waiting: list[tuple[str, frozenset[tuple[int, int]]]] = field(
        default_factory=list[tuple[str, frozenset[tuple[int, int]]]]
    )
    """Directories to be read: the path below the root, and the identity of every directory that it is in."""

    def read(self) -> None:
        entries = 0
        self.waiting.append(("", frozenset()))
        while self.waiting:
            directory, above = self.waiting.pop()
            try:
                status = (self.root / directory).stat()
                names = sorted(entry.name for entry in (self.root / directory).iterdir())
            except OSError as error:
                self._refuse(directory or ".", _unreadable(error))
                continue
            above |= {(status.st_dev, status.st_ino)}
            for path in (f"{directory}/{name}" if directory else name for name in names):
                if is_hidden(path):
                    continue
                entries += 1
                if entries > MOST_ENTRIES:
                    self.faults.append(
                        f"it holds more than {MOST_ENTRIES:,} files and directories; "
                        "name a directory that holds only what is needed there"
                    )
                    return
                if fault := name_fault(path) or self._take(path, above):
                    self._refuse(path, fault)

    def _take(self, path: str, above: frozenset[tuple[int, int]]) -> str:
        """Count a file, or note a directory. Returns the fault of what is neither."""
        entry = self.root / path
        try:
            if fault := self._link_fault(entry):
                return fault
            status = entry.stat()
            if stat.S_ISDIR(status.st_mode):
                if (status.st_dev, status.st_ino) in above:
                    return "is a symbolic link to a directory that it is in; remove it"
                self.waiting.append((path, above))
                return ""
            if not stat.S_ISREG(status.st_mode):  # asked before it is opened: a pipe waits for somebody to write
                return "is a socket, a pipe or a device; remove it"
            with entry.open("rb"):
                self.files[path] = entry
                self.size += status.st_size
        except OSError as error:
            return _unreadable(error)
        return ""

    def _link_fault(self, entry: Path) -> str:
        if not entry.is_symlink():
            return ""
        said = f"is a symbolic link to {str(entry.readlink())!r}"
        try:
            entry.stat()
            target = entry.resolve(strict=True)
        except FileNotFoundError:
            return f"{said}, which does not exist; remove it, or make what it leads to"
        except OSError as error:  # a circle of links among them
            return f"{said}, which cannot be followed ({error.strerror}); put a copy in its place"
        if not target.is_relative_to(self.root):
            return f"{said}, which is outside of the directory; put a copy in its place"
        if target != self.root and is_hidden(target.relative_to(self.root).as_posix()):
            return f"{said}, which is hidden, and hidden files are not sent; put a copy in its place"
        return ""

    def _refuse(self, path: str, fault: str) -> None:
        self.faults.append(f"{path if path.isprintable() else repr(path)} {fault}")


def contents(directory: Path) -> Contents:
    """Read the directory. Raises `OSError` when it cannot be found."""
    walk = _Walk(directory.resolve(strict=True))
    walk.read()
    ordered = dict(sorted(walk.files.items(), key=lambda file: file[0].split("/")))
    return Contents(ordered, walk.size, tuple(sorted(walk.faults)))


def is_hidden(path: str) -> bool:
    """Whether a path below the directory is left out: a name in it begins with a dot, and is not `PUBLIC_HIDDEN`."""
    names = path.split("/")
    hidden = names[1:] if names[0] == PUBLIC_HIDDEN else names
    return any(name.startswith(".") for name in hidden)


def name_fault(path: str) -> str:
    """Why no file can be sent to this path below the directory; empty when one can."""
    if not path.isprintable():
        return "has a character in its name that cannot be printed; rename it"
    if len(path.rpartition("/")[2].encode()) > LONGEST_NAME:
        return f"has a name of more than {LONGEST_NAME} bytes; rename it"
    if len(path.encode()) > LONGEST_PATH:
        return f"has a path of more than {LONGEST_PATH:,} bytes; rename it, or a directory that it is in"
    return ""


def _unreadable(error: OSError) -> str:
    return f"cannot be read ({error.strerror}); let whoever runs `pulumi up` read it"
