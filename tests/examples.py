"""How many examples the tests of properties try. Hypothesis draws them by a seed, another one in each run."""

import os

SOAK = 30


def examples(quick: int) -> int:
    """The number for `make check`. `make soak` tries 30 times as many."""
    return quick * SOAK if os.environ.get("SOAK") else quick
