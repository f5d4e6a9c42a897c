"""What a restore would do, as the machine tells it, and in words. Pure: no machine, no clock."""

from collections.abc import Iterator, Sequence
from typing import Annotated, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError
from pydantic.alias_generators import to_camel

from auren_infra.moment import lasting, shown
from auren_infra.size import size

_KEPT = "Is kept: what is replaced, beside it on the data disk, until `python -m auren_infra restore discard`."


class ProspectError(ValueError):
    """What was printed is not known; the text says why, and what to do."""


class Prospect(BaseModel):
    """What `auren-restore look` prints."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True)

    backup: str
    """The label of the one that is restored first."""
    backup_ended: AwareDatetime
    until: AwareDatetime
    """The moment that the data will be of, as far as it is known."""
    database_bytes: NonNegativeInt
    """How large the database will be."""
    free_bytes: NonNegativeInt
    """On the data disk."""
    live_newest: AwareDatetime | None
    """The moment that the data of now is of; None when the database cannot be asked."""
    live_rows: NonNegativeInt | None
    """What the database holds now; None when it cannot be asked."""


class Copy(BaseModel):
    """The newest copy of a volume from before a moment."""

    model_config = ConfigDict(frozen=True)

    service: str
    volume: str
    made: AwareDatetime


class Copies(BaseModel):
    """What `auren-restore look-store` prints."""

    model_config = ConfigDict(frozen=True)

    copies: Annotated[tuple[Copy, ...], Field(min_length=1)]


Looked = TypeVar("Looked", bound=BaseModel)


def read(text: str) -> Prospect:
    """Raises `ProspectError`."""
    return _read(Prospect, text)


def read_copies(text: str) -> tuple[Copy, ...]:
    """Raises `ProspectError`."""
    return _read(Copies, text).copies


def _read(kind: type[Looked], text: str) -> Looked:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        places = [f"  {'.'.join(map(str, each['loc'])) or 'all'}: {each['msg']}" for each in error.errors()]
        raise ProspectError(
            "The machine's `auren-restore` does not print what this program reads:\n"
            + "\n".join(places)
            + "\nUse the checkout that the stack was deployed with."
        ) from None


def words(found: Prospect) -> Iterator[str]:
    """A line for each fact: what comes back, what is lost, what is replaced."""
    yield f"Comes back: the data of {shown(found.until)}."
    yield f"From: the backup {found.backup}, which ended on {shown(found.backup_ended)}, and the log (WAL) behind it."
    yield f"Is replaced: the whole database of now, {_held(found)}."
    yield f"Is lost: {_lost(found)}."
    yield _KEPT
    yield f"Room: the database will have {size(found.database_bytes)}, and {size(found.free_bytes)} are free."
    yield "Meanwhile PostgreSQL is stopped, and the services cannot reach it."


def words_of_copies(found: Sequence[Copy]) -> Iterator[str]:
    """As `words`, for a store beside PostgreSQL."""
    for copy in found:
        yield f"Comes back: the volume {copy.volume}, as it was copied on {shown(copy.made)}."
    services = " and ".join(dict.fromkeys(copy.service for copy in found))
    yield f"Is replaced: everything of now in {services}."
    yield "Is lost: what was written there since the copy."
    yield _KEPT
    yield f"Meanwhile nobody can reach {services}."


def _held(found: Prospect) -> str:
    if found.live_rows is None:
        return "which does not answer, so nobody knows what it holds"
    return f"with {found.live_rows:,} rows"


def _lost(found: Prospect) -> str:
    if not found.live_newest:
        return "what was written since then"
    if found.until >= found.live_newest:
        return "nothing that is known of"
    span = lasting(found.live_newest - found.until)
    return f"what was written in the last {span}, from {shown(found.until)} to {shown(found.live_newest)}"
