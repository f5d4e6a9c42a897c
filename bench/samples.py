"""Repeated measurements, and what may be said about them."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple


class Fit(NamedTuple):
    """A straight line through points."""

    slope: float
    intercept: float
    r_squared: float
    """How much of the points' variance the line explains; 1 is a line."""


def alternate(
    repetitions: int, ways: Mapping[str, Callable[[], float]], say: Callable[[str], None] = print
) -> dict[str, list[float]]:
    """Take each way's measure so many times, in turns: what slows the machine down for a while slows all of them.

    Every second round goes backwards, so that none always comes behind the same other.
    """
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for repetition in range(repetitions):
        for name in reversed(list(ways)) if repetition % 2 else list(ways):
            taken[name].append(ways[name]())
            say(f"  {name}: {taken[name][-1]:.2f}")
    return taken


def seconds(action: Callable[[], object]) -> Callable[[], float]:
    """The action as a measure of the time that it takes."""

    def measure() -> float:
        started = time.perf_counter()
        action()
        return time.perf_counter() - started

    return measure


def ratio(ours: Sequence[float], other: Sequence[float]) -> float:
    """Of the medians: a single disturbed repetition does not count."""
    return statistics.median(ours) / statistics.median(other)


def fit(points: Sequence[tuple[float, float]]) -> Fit:
    """Least squares."""
    x, y = [point[0] for point in points], [point[1] for point in points]
    line = statistics.linear_regression(x, y)
    return Fit(line.slope, line.intercept, statistics.correlation(x, y) ** 2)


def percentile(samples: Sequence[float], percent: int) -> float:
    """The value that so many percent of the samples are not above."""
    return statistics.quantiles(samples, n=100, method="inclusive")[percent - 1]
