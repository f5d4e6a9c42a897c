"""Several files in one text: what a script is sent that puts more than one file on a machine.

Each file is headed by `file NAME`. Its lines are indented by a space, so a preview shows each changed line. The
function `unpack` of those scripts reads the same text on the machine.
"""

from collections.abc import Iterator, Mapping


def pack(files: Mapping[str, str]) -> str:
    """The files as one text. Raises `ValueError` for a file whose last line has no end, or a name of two words."""
    lines: list[str] = []
    for name, text in files.items():
        if name.split() != [name]:
            raise ValueError(f"{name!r} is no name of a file here: it must be one word")
        lines += [f"file {name}\n", *indented(name, text)]
    return "".join(lines)


def unpack(text: str) -> dict[str, str]:
    """The files by name. Raises `ValueError` when `pack` did not write the text."""
    bodies: dict[str, list[str]] = {}
    body: list[str] | None = None
    for line in text.split("\n")[:-1]:  # splitlines would know more ends of a line than the scripts do
        if line.startswith("file "):
            body = bodies.setdefault(line.removeprefix("file "), [])
        elif body is None or not line.startswith(" "):
            raise ValueError(f"this is no line of files in one text: {line!r}")
        else:
            body.append(f"{line[1:]}\n")
    files = {name: "".join(lines) for name, lines in bodies.items()}
    if pack(files) != text:
        raise ValueError("this is not how files are written in one text")
    return files


def indented(name: str, text: str) -> Iterator[str]:
    """The lines of the file, each behind a space. Raises `ValueError` when the last one has no end."""
    if text and not text.endswith("\n"):
        raise ValueError(f"the last line of {name} has no end")
    yield from (f" {line}\n" for line in text.split("\n")[:-1])
