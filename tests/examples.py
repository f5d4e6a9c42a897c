"""How many examples the tests of properties try. Hypothesis draws them by a seed, another one in each run."""

import os
import random
from collections.abc import Sequence
from typing import TypeVar

Case = TypeVar("Case")

SOAK = 30


def examples(quick: int) -> int:
    """The number for `make check`. `make soak` tries 30 times as many."""
    return quick * SOAK if os.environ.get("SOAK") else quick


def sample(cases: Sequence[Case], size: int, seed: object) -> list[Case]:
    """So many of the cases, others in each run, and the same again by the seed. `make soak` tries all of them."""
    return list(cases) if os.environ.get("SOAK") else random.Random(str(seed)).sample(cases, size)
