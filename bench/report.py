"""docs/performance.md's figures and its plot, from `results.json` alone."""

import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import results
from bench.growth import PLAIN
from bench.results import Comparison, Line, Results, Switch, UnderLoad, Unit

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
PLOT = PAGE.with_suffix(".svg")
_FIGURES = re.compile(r"(<!-- figures of bench/results.json -->\n).*(<!-- end of figures -->)", re.DOTALL)


def write() -> None:
    # Here, since matplotlib is asked for by nobody else.
    from bench.plot import draw

    known = results.read()
    PAGE.write_text(page(PAGE.read_text(), known))
    draw(known, PLOT)


def page(text: str, known: Results) -> str:
    """The page with these figures."""
    return _FIGURES.sub(lambda marks: marks[1] + figures(known) + marks[2], text)


def figures(known: Results) -> str:
    comparisons = [one for measured in known.measured.values() for one in measured.comparisons]
    lines = [line for measured in known.measured.values() for line in measured.lines]
    changes = [one for measured in known.measured.values() for one in measured.under_load]
    machine = known.machine
    where = f"{machine.cores} cores with {machine.memory_gb} GB, {machine.system}, Linux {machine.kernel}"
    return "\n".join(
        [
            f"Measured on {where}, Python {machine.python}, Pulumi {machine.pulumi}.",
            "",
            "| what | ratio | goal | ours | the other | repetitions |",
            "|---|---|---|---|---|---|",
            *(_row(one) for one in comparisons),
            "",
            *_besides(comparisons),
            "",
            "| a preview of | seconds | for each resource | of the engine's own | straight line (R²) |",
            "|---|---|---|---|---|",
            *_growth(lines),
            "",
            "| under load | requests | failed | p50 | p99 | p99 during it | ratio | goal | seconds |",
            "|---|---|---|---|---|---|---|---|---|",
            *map(_under_load, changes),
            "",
            *_kinds(changes),
            "",
        ]
    )


def _row(one: Comparison) -> str:
    goal = f"{'at most' if one.unit is Unit.SECONDS else 'at least'} {one.goal:g}"
    cells = (
        one.title,
        f"{'**' if one.met else ''}{one.ratio:.2f}{'**' if one.met else ', missed'}",
        goal,
        f"{_figure(one.ours.median, one.unit)}: {one.ours.what}",
        f"{_figure(one.other.median, one.unit)}: {one.other.what}",
        str(len(one.ours.samples)),
    )
    return f"| {' | '.join(cells)} |"


def _besides(comparisons: list[Comparison]) -> Iterator[str]:
    for one in comparisons:
        for series in one.beside:
            yield f"- {one.title}: {series.what}: {series.median:.3g}"


def _growth(lines: list[Line]) -> Iterator[str]:
    own = next((line.fit.slope for line in lines if line.what == PLAIN), None)
    for line in lines:
        first, last, fit = line.points[0], line.points[-1], line.fit
        cells = (
            f"{first.count} to {last.count} {line.what} ({first.resources} to {last.resources} resources)",
            f"{first.median:.1f} to {last.median:.1f}",
            f"{fit.slope * 1000:.1f} ms",
            f"{fit.slope / own:.1f} times" if own else "",
            f"{fit.r_squared:.3f}",
        )
        yield f"| {' | '.join(cells)} |"


def _under_load(one: UnderLoad) -> str:
    def median(figure: Callable[[Switch], float]) -> float:
        return statistics.median(map(figure, one.switches))

    cells = (
        one.title,
        f"{sum(sum(switch.requests.values()) for switch in one.switches):,}",
        f"{one.failed}",
        f"{median(lambda switch: switch.before.p50):.1f} ms",
        f"{median(lambda switch: switch.before.p99):.1f} ms",
        f"{median(lambda switch: switch.during.p99):.1f} ms",
        f"**{one.ratio:.2f}**" if one.met else f"{one.ratio:.2f}, missed",
        f"at most {one.goal:g}, 0 failed",
        f"{median(lambda switch: switch.seconds):.0f}",
    )
    return f"| {' | '.join(cells)} |"


def _kinds(changes: list[UnderLoad]) -> Iterator[str]:
    """All rows together, by kind of request."""
    requests, failed = Counter[str](), Counter[str]()
    for switch in (switch for one in changes for switch in one.switches):
        requests.update(switch.requests)
        failed.update(switch.failed)
    for kind, count in requests.items():
        yield f"- Under load, {kind}: {count:,} requests, {failed[kind]} failed"


def _figure(value: float, unit: Unit) -> str:
    return f"{value:.2f} s" if unit is Unit.SECONDS else f"{value:,.0f} {unit}"
