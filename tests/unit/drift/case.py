"""One change of a machine, and what must be said of it."""

from collections.abc import Callable
from typing import NamedTuple

from auren_infra.drift import compare
from auren_infra.host.expected import Expected
from tests.unit.drift.machine import KEY, NOW, Machine

OTHER = "f" * 64
"""A digest, or an id, that nothing has."""


class Case(NamedTuple):
    change: Callable[[Machine], object]
    where: str
    what: str
    """How the sentence begins."""
    by_hand: str = ""
    """What is to be typed on the machine."""

    def check(self, deployed: Expected, machine: Machine) -> None:
        self.change(machine)
        (found,) = compare.findings(deployed, machine.facts, KEY, NOW)
        assert found.where == self.where
        assert found.what.startswith(self.what), found.what
        assert found.by_hand == self.by_hand
        assert found.urn or found.by_hand, "a difference that nothing mends helps nobody"
