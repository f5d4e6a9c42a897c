"""What was measured, as `results.json` keeps it: samples, and percentiles of load. All figures come from them."""

import os
import platform
import statistics
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from bench.samples import Fit, fit, ratio

FILE = Path(__file__).with_name("results.json")


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Unit(StrEnum):
    SECONDS = "s"
    """Less is better."""
    REQUESTS = "requests/s"
    """More is better."""


class Series(_Value):
    what: str
    samples: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.samples)


class Comparison(_Value):
    """Ours beside the other, of one run."""

    title: str
    ours: Series
    other: Series
    unit: Unit
    goal: float
    """The ratio that is to be had: at most this for seconds, at least this for requests."""
    beside: tuple[Series, ...] = ()
    """What was taken in the same run and belongs to the picture."""

    @property
    def ratio(self) -> float:
        return ratio(self.ours.samples, self.other.samples)

    @property
    def met(self) -> bool:
        return self.ratio <= self.goal if self.unit is Unit.SECONDS else self.ratio >= self.goal


class Point(_Value):
    count: int
    """Services, droplets: what the line counts."""
    resources: int
    samples: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.samples)


class Line(_Value):
    """How the seconds of a preview grow."""

    what: str
    points: tuple[Point, ...]

    @property
    def fit(self) -> Fit:
        """Seconds by resources."""
        return fit([(point.resources, point.median) for point in self.points])


class Speed(_Value):
    """Of the short requests of a time, in milliseconds."""

    requests: int
    p50: float
    p99: float


class Switch(_Value):
    """One change under load."""

    requests: dict[str, int]
    """How many began from the start of the time before until the end of the load, by kind."""
    failed: dict[str, int]
    before: Speed
    during: Speed
    """From the start of the change until its end."""
    seconds: float
    """What the change took."""

    @property
    def ratio(self) -> float:
        return self.during.p99 / self.before.p99


class UnderLoad(_Value):
    """A kind of change, made once or several times while visitors came."""

    title: str
    switches: tuple[Switch, ...]
    goal: float

    @property
    def failed(self) -> int:
        return sum(count for switch in self.switches for count in switch.failed.values())

    @property
    def ratio(self) -> float:
        """Of the 99th percentiles, during to before."""
        return statistics.median(switch.ratio for switch in self.switches)

    @property
    def met(self) -> bool:
        return self.failed == 0 and self.ratio <= self.goal


class Machine(_Value):
    """Where it was measured."""

    cores: int
    memory_gb: int
    system: str
    kernel: str
    python: str
    pulumi: str


class Measured(_Value):
    """What one measurement yields."""

    comparisons: tuple[Comparison, ...] = ()
    lines: tuple[Line, ...] = ()
    under_load: tuple[UnderLoad, ...] = ()


class Results(_Value):
    machine: Machine
    measured: dict[str, Measured]
    """By the measurement's name."""

    def text(self) -> str:
        return self.model_dump_json(indent=1) + "\n"


def read(file: Path = FILE) -> Results:
    return Results.model_validate_json(file.read_bytes())


def keep(machine: Machine, name: str, measured: Measured, file: Path = FILE) -> None:
    """Put a measurement beside the others; those of another machine are dropped, since nobody could compare them."""
    others: dict[str, Measured] = {}
    if file.exists() and (known := read(file)).machine == machine:
        others = known.measured
    file.write_text(Results(machine=machine, measured={**others, name: measured}).text())


def this_machine(pulumi: str) -> Machine:
    """`pulumi` is the version of the engine that is measured."""
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        memory_gb=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        system=platform.freedesktop_os_release()["PRETTY_NAME"],
        kernel=platform.release().partition("-")[0],
        python=platform.python_version(),
        pulumi=pulumi,
    )
