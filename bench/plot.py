"""The plot of docs/performance.md: how near each ratio is to its goal, how a preview grows, and changes under load."""

from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from bench.results import Comparison, Line, Results, UnderLoad, Unit

# The same results give the same file: no date in it, and no random names.
mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "auren"
MET, MISSED = "#2b7a4b", "#b3452c"


def draw(known: Results, file: Path) -> None:
    comparisons = [one for measured in known.measured.values() for one in measured.comparisons]
    lines = [line for measured in known.measured.values() for line in measured.lines]
    changes = [one for measured in known.measured.values() for one in measured.under_load]
    figure, ((left, right), (below, empty)) = plt.subplots(2, 2, figsize=(11, 8), layout="constrained")
    _draw_ratios(left, comparisons)
    _draw_lines(right, lines)
    _draw_changes(below, changes)
    empty.set_axis_off()
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)


def _draw_ratios(axes: Axes, comparisons: list[Comparison]) -> None:
    """Time and its reciprocal: to the left of its goal is always better."""
    for place, one in enumerate(comparisons):
        more_is_better = one.unit is Unit.REQUESTS
        cost, goal = (1 / one.ratio, 1 / one.goal) if more_is_better else (one.ratio, one.goal)
        axes.barh(place, cost, color=MET if one.met else MISSED, height=0.6)
        axes.plot([goal, goal], [place - 0.4, place + 0.4], color="black", linewidth=2)
    axes.set_yticks(range(len(comparisons)), [one.title for one in comparisons])
    axes.invert_yaxis()
    axes.set_xlabel("cost of ours : cost of the other (time, or time a request); black: the goal")


def _draw_lines(axes: Axes, lines: list[Line]) -> None:
    for line in lines:
        resources = [point.resources for point in line.points]
        (points,) = axes.plot(resources, [point.median for point in line.points], "o", label=line.what)
        fitted = [line.fit.intercept + line.fit.slope * each for each in resources]
        axes.plot(resources, fitted, color=points.get_color(), linewidth=1)
    axes.set_xlabel("resources")
    axes.set_ylabel("seconds of a preview")
    axes.set_ylim(bottom=0)
    if lines:
        axes.legend()


def _draw_changes(axes: Axes, changes: list[UnderLoad]) -> None:
    """A dot is one change that was made; the bar is their median."""
    for place, one in enumerate(changes):
        axes.barh(place, one.ratio, color=MET if one.met else MISSED, height=0.6)
        axes.plot(
            [switch.ratio for switch in one.switches], [place] * len(one.switches), "o", color="black", markersize=3
        )
        axes.plot([one.goal, one.goal], [place - 0.4, place + 0.4], color="black", linewidth=2)
    axes.set_yticks(range(len(changes)), [one.title for one in changes])
    axes.invert_yaxis()
    axes.set_xlabel("p99 during the change : p99 before it; black: the goal; red: missed, or a request failed")
