"""Sums of numbers and of their squares as integers of 32 bits and more, so that mean and deviation are exact.

A number counts in millionths. A trillion has 60 bits then and its square has 120, more than SQLite adds up. Parts of 32
bits are added up apart, for two billion events at least.
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
"""What a number adds to each part of a sum, the lowest first; the highest has the sign."""


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
