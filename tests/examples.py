"""How much a run tries: examples of properties, cases of a sweep, long tests. A seed draws them, others in each run."""

import os
import random
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TypeVar

Case = TypeVar("Case")

SOAK = 30


def examples(quick: int) -> int:
    """The number for `make check`. `make soak` tries 30 times as many."""
    return quick * SOAK if os.environ.get("SOAK") else quick


def sample(cases: Sequence[Case], size: int, seed: object) -> list[Case]:
    """So many of the cases, others in each run, and the same again by the seed. `make soak` tries all of them."""
    return list(cases) if os.environ.get("SOAK") else random.Random(str(seed)).sample(cases, size)


def affordable(costs: Mapping[Case, float], budget: float, seed: object) -> list[Case]:
    """Cases in an order by the seed until the budget is spent; the last one may exceed it. `make soak` tries all."""
    cases = sample(list(costs), len(costs), seed)
    if os.environ.get("SOAK"):
        return cases
    spent = accumulate((costs[case] for case in cases), initial=0.0)
    return [case for case, before in zip(cases, spent, strict=False) if before < budget]
