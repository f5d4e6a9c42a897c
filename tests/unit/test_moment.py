"""How long something took or has been, and how large it is, in words."""

from datetime import timedelta

import pytest

from auren_infra.moment import lasting
from auren_infra.size import size


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=59.9), "59 s"),
        (timedelta(seconds=200), "3 min 20 s"),
        (timedelta(hours=2, minutes=5, seconds=59), "2 h 5 min"),
        (timedelta(hours=24), "1 day 0 h"),
        (timedelta(days=9, hours=4), "9 days 4 h"),
    ],
)
def test_a_span_is_told_in_its_two_largest_units(span: timedelta, words: str) -> None:
    assert lasting(span) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (99_949, "99.9 kB"), (99_950, "100 kB"), (999_500, "1.0 MB")],
)
def test_a_size_has_three_digits_at_most(count: int, words: str) -> None:
    assert size(count) == words
    assert size(count * 10**12).endswith("TB") or count < 1
