"""The texts that a property carries: its own, and what is in it in base64 or compressed.

A directory travels as one line for each file, `PATH<TAB>BASE64`. A file may hold base64 again: a stylesheet its images,
a script its sources. Decoded text has at most three quarters of the length, so all of it together is bounded.
"""

import binascii
import bz2
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

MOST_EXPANDED = 64 * 2**20
"""Bytes of one property that are looked at when compressed files are expanded. A small file can hold gigabytes."""

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{27,}={0,2}", re.ASCII)
"""Of 20 bytes or more: the shortest secret that is known by its looks."""
_WRAPPED = re.compile(r"(?<=[A-Za-z0-9+/]{40})\r?\n(?=[A-Za-z0-9+/]{4})", re.ASCII)
"""A line break within base64: files have it in lines of 60 to 76 characters."""
_WHOLE = re.compile(r"[A-Za-z0-9+/]*={0,2}", re.ASCII)
_SHORT = 200
"""Characters of a line that are read as they stand too: it may be no base64, but look like it."""
_STANDARD = str.maketrans("-_", "+/")
_EXPAND: dict[bytes, Callable[[bytes, int], bytes]] = {
    b"\x1f\x8b": lambda data, most: zlib.decompressobj(31).decompress(data, most),
    b"BZh": lambda data, most: bz2.BZ2Decompressor().decompress(data, most),
    b"\xfd7zXZ\0": lambda data, most: lzma.LZMADecompressor().decompress(data, most),
}
"""How a compressed file begins -> its first `most` bytes. PostgreSQL's image takes compressed SQL as well."""


@dataclass(frozen=True)
class Carried:
    file: str
    """The path of the file that it is in; empty for what is in no file."""
    text: str


def texts(text: str) -> Iterator[Carried]:
    """The text itself, and all that can be read in it."""
    return _Reader().read(text)


class _Reader:
    """Reads one property. It is used once, since it counts what it expands."""

    def __init__(self) -> None:
        self._left = MOST_EXPANDED

    def read(self, text: str) -> Iterator[Carried]:
        own: list[str] = []
        for line in text.split("\n"):
            path, tab, content = line.partition("\t")
            if tab and _WHOLE.fullmatch(content):
                yield from (Carried(path, inner) for inner in self._file(_decoded(content)))
                own.append(f"{path}\t{content[:_SHORT]}")
            else:
                yield from (Carried("", inner) for inner in self._inside(line))
                own.append(line)
        yield Carried("", "\n".join(own))

    def _file(self, data: bytes) -> Iterator[str]:
        for magic, expand in _EXPAND.items():
            if data.startswith(magic) and self._left:
                try:
                    data = expand(data, self._left)
                except (OSError, EOFError, zlib.error, lzma.LZMAError):
                    continue
                self._left -= len(data)
        text = _text(data)
        yield text
        yield from self._inside(text)

    def _inside(self, text: str) -> Iterator[str]:
        for run in _BASE64.finditer(_WRAPPED.sub("", text)):
            inner = _text(_decoded(run[0]))
            yield inner
            yield from self._inside(inner)


def _decoded(run: str) -> bytes:
    """What is in the base64 text; a last character that belongs to no byte is left out."""
    digits = run.rstrip("=").translate(_STANDARD)
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]
    return binascii.a2b_base64(digits + "=" * (-len(digits) % 4))


def _text(data: bytes) -> str:
    """Each byte as one character; the zeros between those of UTF-16 are left out."""
    return data.replace(b"\0", b"").decode("latin-1")
