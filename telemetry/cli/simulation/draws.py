"""Draws from a generator that is handed in, so that the same seed draws the same."""

import random
from collections.abc import Sequence
from typing import TypeVar

_Choice = TypeVar("_Choice")


def skewed(chosen: random.Random, choices: Sequence[_Choice]) -> _Choice:
    """Draw one of several, the n-th about 1/n times as often as the first."""
    return choices[int((len(choices) + 1) ** chosen.random()) - 1]


def within(low: float, value: float, high: float) -> float:
    """Return a value, or the end of the range that it lies beyond."""
    return min(max(value, low), high)
