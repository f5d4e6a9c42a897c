"""A moment as people type it, as programs exchange it, and as people read it."""

from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta


def moment(text: str) -> datetime:
    """A moment of the command line, for argparse: ISO 8601 with its zone. Raises `ArgumentTypeError` for all else."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no time; write it like 2026-03-01T16:00Z") from None
    if found.tzinfo is None:
        raise ArgumentTypeError(f"{text!r} names no time zone; a Z at its end is UTC")
    return found.astimezone(UTC)


def past(text: str) -> datetime:
    """A moment that has been, in whole seconds."""
    found = moment(text)
    if found.microsecond:
        raise ArgumentTypeError(f"{text!r} has parts of a second; write whole seconds")
    if found > datetime.now(UTC):
        raise ArgumentTypeError(
            f"{text!r} is in the future; by this machine's clock it is {written(datetime.now(UTC))}"
        )
    return found


def written(moment: datetime) -> str:
    """For a program: `2026-03-01T16:00:00Z`."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def as_of_words(moment: datetime | None) -> list[str]:
    """For a program of the machine: it counts the bucket as it was then, or as it is."""
    return ["--as-of", written(moment)] if moment else []


def shown(moment: datetime) -> str:
    """For people: `2026-03-01 16:00:00 UTC`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def lasting(span: timedelta) -> str:
    """For people, in its two largest units, rounded down: `45 s`, `3 min 20 s`, `2 h 5 min`, `9 days 4 h`."""
    seconds = int(span.total_seconds())
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if not minutes:
        return f"{seconds} s"
    if not hours:
        return f"{minutes} min {seconds % 60} s"
    if not days:
        return f"{hours} h {minutes % 60} min"
    return f"{days} {'day' if days == 1 else 'days'} {hours % 24} h"
