"""What the two machines tell, as values. Pure: no machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

STORES = ("postgres", "redis", "chromadb", "kafka", "zookeeper")
VOLUMES = {
    "postgres": ("postgres_data",),
    "redis": ("redis-data",),
    "chromadb": ("chromadb-data",),
    "kafka": ("kafka-data",),
    "zookeeper": ("zookeeper-data", "zookeeper-log"),
}
"""The volumes of the new machine that hold a store."""

Counts = Mapping[tuple[str, str], int]
"""What stores hold: the store and the name of a thing, such as a table -> how much of it."""


class FactsError(ValueError):
    """What was printed is not known; the text says why."""


@dataclass(frozen=True)
class Volume:
    name: str
    """As the new machine calls it."""
    path: str
    """On the old machine."""
    bytes: int


@dataclass(frozen=True)
class Old:
    """The machine that the data comes from."""

    host_key: str
    """Its type and its body."""
    state: str
    """Empty while it serves, `stopped` in the window, `handed-over` when the new machine serves."""
    since: int
    """When its services were stopped, in seconds since 1970; 0 while they run."""
    lacks: tuple[str, ...]
    """Programs that it needs and that are not there."""
    containers: Mapping[str, str]
    """By store."""
    images: Mapping[str, str]
    missing: Mapping[str, tuple[str, ...]]
    """Stores whose container is not known, with those that it may be."""
    volumes: tuple[Volume, ...]
    writers: tuple[str, ...]
    """The other containers of the old stack."""
    others: tuple[str, ...]
    facts: Mapping[str, str]
    counts: Counts


@dataclass(frozen=True)
class New:
    """The stack's machine."""

    address: str
    """That its connections to the old machine come from."""
    moved_from: str
    """The address of the machine that its data has come from; empty before."""
    free_bytes: int
    """On the data disk."""
    state: str
    """Empty, `placed` while the data is in its place and was not accepted, or `served`."""
    has_backups: bool
    lacks: tuple[str, ...]
    stopped: tuple[str, ...]
    """Stores that do not run."""
    brought: Mapping[str, int]
    """The bytes of each volume that was copied, and is in no place."""
    facts: Mapping[str, str]


def old(text: str) -> Old:
    """Raises `FactsError`."""
    lines = _lines(text)
    return Old(
        host_key=_one(lines, "host-key"),
        state=_one(lines, "state"),
        since=_number(_one(lines, "since") or "0"),
        lacks=tuple(words[0] for words in _of(lines, "lacks", 1)),
        containers={words[0]: words[1] for words in _of(lines, "store", 3)},
        images={words[0]: words[2] for words in _of(lines, "store", 3)},
        missing={words[0]: tuple(words[1].split()) for words in _of(lines, "missing", 2)},
        volumes=tuple(Volume(words[0], words[1], _number(words[2])) for words in _of(lines, "volume", 3)),
        writers=tuple(sorted(words[0] for words in _of(lines, "writer", 1))),
        others=tuple(sorted(words[0] for words in _of(lines, "other", 1))),
        facts={words[0]: words[1] for words in _of(lines, "fact", 2)},
        counts=_counts(lines),
    )


def new(text: str) -> New:
    """Raises `FactsError`."""
    lines = _lines(text)
    return New(
        address=_one(lines, "address"),
        moved_from=_one(lines, "from"),
        free_bytes=_number(_one(lines, "free")),
        state=_one(lines, "state"),
        has_backups=bool(_one(lines, "backups")),
        lacks=tuple(words[0] for words in _of(lines, "lacks", 1)),
        stopped=tuple(words[0] for words in _of(lines, "stopped", 1)),
        brought={words[0]: _number(words[1]) for words in _of(lines, "brought", 2)},
        facts={words[0]: words[1] for words in _of(lines, "fact", 2)},
    )


def counts(text: str) -> Counts:
    """Raises `FactsError`."""
    return _counts(_lines(text))


def pulled(text: str) -> tuple[int, int]:
    """The bytes that a volume has on the new machine now, and the seconds that the copy took. Raises `FactsError`."""
    ((_, size, seconds),) = _of(_lines(text), "pulled", 3) or [("", "", "")]
    return _number(size), _number(seconds)


Lines = Sequence[tuple[str, ...]]


def _lines(text: str) -> Lines:
    return [tuple(line.split("\t")) for line in text.splitlines()]


def _of(lines: Lines, kind: str, words: int) -> list[tuple[str, ...]]:
    """What stands behind the word `kind`, in each line that begins with it. A machine may leave the last word out."""
    found = [line[1:] for line in lines if line[0] == kind]
    for line in found:
        if len(line) > words:
            raise FactsError(f"A machine tells otherwise than this program knows: {kind} {' '.join(line)}")
    return [line + ("",) * (words - len(line)) for line in found]


def _one(lines: Lines, kind: str) -> str:
    """The last one of its kind; empty when there is none."""
    return next((words[0] for words in reversed(_of(lines, kind, 1))), "")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise FactsError(f"A machine tells {text!r} where a number was expected.")
    return int(text)


def _counts(lines: Lines) -> Counts:
    return {(words[0], words[1]): _number(words[2]) for words in _of(lines, "count", 3)}
