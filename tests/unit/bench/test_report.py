"""The page says what the results say."""

from pathlib import Path

from bench import report, results
from bench.results import Comparison, Line, Machine, Measured, Point, Results, Series, Speed, Switch, UnderLoad, Unit

MACHINE = Machine(cores=2, memory_gb=24, system="Debian", kernel="6", python="3.11", pulumi="v3")


def comparison(title: str, ours: float, other: float, unit: Unit, goal: float) -> Comparison:
    return Comparison(
        title=title,
        ours=Series(what="ours", samples=(ours,)),
        other=Series(what="theirs", samples=(other,)),
        unit=unit,
        goal=goal,
    )


def test_a_goal_is_a_ceiling_for_seconds_and_a_floor_for_requests() -> None:
    assert comparison("", 1.2, 1, Unit.SECONDS, 1.25).met
    assert not comparison("", 1.3, 1, Unit.SECONDS, 1.25).met
    assert comparison("", 960, 1000, Unit.REQUESTS, 0.95).met
    assert not comparison("", 940, 1000, Unit.REQUESTS, 0.95).met


def test_a_goal_that_is_missed_is_said_to_be() -> None:
    shown = report.figures(
        Results(machine=MACHINE, measured={"a": Measured(comparisons=(comparison("A", 3, 2, Unit.SECONDS, 1.25),))})
    )
    assert "| A | 1.50, missed | at most 1.25 | 3.00 s: ours | 2.00 s: theirs | 1 |" in shown


def test_growth_is_told_in_what_the_engine_itself_takes() -> None:
    def line(what: str, seconds: float) -> Line:
        points = (Point(count=n, resources=n, samples=(1 + seconds * n,)) for n in (100, 200))
        return Line(what=what, points=tuple(points))

    lines = (line("services", 0.02), line("plain resources", 0.01))
    shown = report.figures(Results(machine=MACHINE, measured={"growth": Measured(lines=lines)}))
    assert "| 100 to 200 services (100 to 200 resources) | 3.0 to 5.0 | 20.0 ms | 2.0 times | 1.000 |" in shown


def switch(before: float, during: float, failed: int = 0) -> Switch:
    return Switch(
        requests={"downloads": 900, "uploads": 100},
        failed={"downloads": failed, "uploads": 0},
        before=Speed(requests=500, p50=3, p99=before),
        during=Speed(requests=500, p50=3, p99=during),
        seconds=40,
    )


def test_a_change_under_load_misses_its_goal_by_its_percentile_or_by_one_failure() -> None:
    good = UnderLoad(title="A", switches=(switch(10, 11), switch(10, 15), switch(10, 90)), goal=2)
    slow = UnderLoad(title="B", switches=(switch(10, 21),), goal=2)
    failed = UnderLoad(title="C", switches=(switch(10, 10, failed=1), switch(10, 10)), goal=2)
    shown = report.figures(Results(machine=MACHINE, measured={"a": Measured(under_load=(good, slow, failed))}))
    assert "| A | 3,000 | 0 | 3.0 ms | 10.0 ms | 15.0 ms | **1.50** | at most 2, 0 failed | 40 |" in shown
    assert "| B | 1,000 | 0 | 3.0 ms | 10.0 ms | 21.0 ms | 2.10, missed | at most 2, 0 failed | 40 |" in shown
    assert "| C | 2,000 | 1 | 3.0 ms | 10.0 ms | 10.0 ms | 1.00, missed | at most 2, 0 failed | 40 |" in shown
    assert "- Under load, downloads: 5,400 requests, 1 failed" in shown


def test_figures_of_another_machine_are_not_kept_beside_these(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    results.keep(MACHINE, "a", Measured(), file)
    results.keep(MACHINE, "b", Measured(), file)
    assert set(results.read(file).measured) == {"a", "b"}
    results.keep(MACHINE.model_copy(update={"cores": 4}), "b", Measured(), file)
    assert set(results.read(file).measured) == {"b"}


def test_the_page_has_the_figures_of_the_results() -> None:
    text = report.PAGE.read_text()
    assert report.page(text, results.read()) == text
