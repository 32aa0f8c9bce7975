"""Exact sums of numbers and of their squares, in parts of 32 bits, so that mean and deviation are exact.

Numbers are counted in millionths. A trillion then has 60 bits and its square has 120, more than SQLite can add. Each
part of 32 bits has its own sum, with room for at least two billion events.
"""

from collections.abc import Sequence
from functools import partial
from math import sqrt

MILLIONTHS = 1_000_000
_PART_BITS = 32
_PART = (1 << _PART_BITS) - 1


def in_millionths(value: float) -> int:
    """Return a number as a whole number of millionths."""
    return round(value * MILLIONTHS)


def _low_part(number: int, value: float) -> int:
    return (in_millionths(value) >> _PART_BITS * number) & _PART


def _high_part(number: int, value: float) -> int:
    return in_millionths(value) >> _PART_BITS * number


def _low_part_of_square(number: int, value: float) -> int:
    return (in_millionths(value) ** 2 >> _PART_BITS * number) & _PART


def _high_part_of_square(number: int, value: float) -> int:
    return int(in_millionths(value) ** 2) >> _PART_BITS * number


VALUE_PARTS = (partial(_low_part, 0), partial(_high_part, 1))
SQUARE_PARTS = (*(partial(_low_part_of_square, number) for number in range(3)), partial(_high_part_of_square, 3))
"""Functions that return what a number adds to each part of a sum, the lowest part first; the highest has the sign."""


def joined(parts: Sequence[int]) -> int:
    """Return the whole number whose parts are given, the lowest first."""
    return sum(part << _PART_BITS * number for number, part in enumerate(parts))


def mean_of(count: int, total: int) -> float:
    """Return the mean of numbers from their sum in millionths."""
    return total / (count * MILLIONTHS)


def deviation_of(count: int, total: int, squares: int) -> float | None:
    """Return the standard deviation of a sample from sums in millionths and their squares; None of fewer than two."""
    if count < 2:  # noqa: PLR2004
        return None
    return sqrt((count * squares - total * total) / (count * (count - 1))) / MILLIONTHS
