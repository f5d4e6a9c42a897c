"""The copies of the stores beside PostgreSQL, as `auren-backup copies` tells them.

In each line: SERVICE, VOLUME, TIME, BYTES, with tabs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from auren_infra.backup.listing import ListingError


@dataclass(frozen=True)
class Copy:
    made: datetime
    size: int
    """In bytes, compressed."""


@dataclass(frozen=True)
class Store:
    """A volume that is copied."""

    service: str
    volume: str
    copies: tuple[Copy, ...]
    """The oldest first."""

    @property
    def newest(self) -> Copy | None:
        return self.copies[-1] if self.copies else None


def read(text: str) -> tuple[Store, ...]:
    """In the order in which they are copied. Raises `ListingError`."""
    found: dict[tuple[str, str], list[Copy]] = {}
    try:
        for line in text.splitlines():
            service, volume, *copy = line.split("\t")
            found.setdefault((service, volume), []).extend(_copy(copy))
    except ValueError:
        raise ListingError(
            "The machine's `auren-backup copies` does not print what this program reads: lines with SERVICE, VOLUME, "
            "TIME and BYTES. Use the checkout that the stack was deployed with."
        ) from None
    return tuple(
        Store(service, volume, tuple(sorted(copies, key=lambda copy: copy.made)))
        for (service, volume), copies in found.items()
    )


def _copy(words: list[str]) -> Iterator[Copy]:
    """Nothing for a store without one."""
    if words:
        made, size = words
        moment = datetime.fromisoformat(made)
        if not moment.tzinfo:
            raise ValueError(made)
        yield Copy(moment, int(size))
