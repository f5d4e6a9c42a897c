"""What is said about samples."""

import pytest

from bench.samples import alternate, fit, percentile, ratio


def test_ways_are_taken_in_turns_and_none_always_behind_the_same_other() -> None:
    order: list[str] = []

    def way(name: str) -> float:
        order.append(name)
        return len(order)

    taken = alternate(3, {"a": lambda: way("a"), "b": lambda: way("b")}, say=lambda _: None)
    assert "".join(order) == "abbaab"
    assert taken == {"a": [1, 4, 5], "b": [2, 3, 6]}


def test_a_disturbed_repetition_does_not_change_a_ratio() -> None:
    assert ratio([2, 2, 2, 900], [1, 1, 1, 1]) == 2


def test_points_on_a_line_are_a_line() -> None:
    found = fit([(10, 5), (20, 7), (40, 11)])
    assert (found.slope, found.intercept, found.r_squared) == pytest.approx((0.2, 3, 1))


def test_a_curve_is_told_from_a_line() -> None:
    assert fit([(n, n**3) for n in range(10)]).r_squared < 0.9


def test_a_percentile_is_what_so_many_percent_are_not_above() -> None:
    assert percentile(range(101), 99) == 99
    assert percentile(range(101), 50) == 50
    assert percentile([1] * 999 + [900], 99) == 1, "one in a thousand"
    assert percentile([1] * 90 + [900] * 10, 99) == 900, "one in ten"
