"""Figures: a number that stands in the first line of a page, how it changed, and its course."""

from collections.abc import Sequence
from dataclasses import dataclass

from telemetry.charts.units import Unit

# From so much on, a change is more than noise to a reader.
_STEADY = 0.005
# From so much on, nobody may miss it: a quarter more or less, and ten points of a share.
_LARGE, _LARGE_POINTS = 0.25, 0.1


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its name. ``before`` is the same number of ``against``, a period of the same length.

    ``beside`` is what the number leaves out; ``course`` are its values from the oldest on. ``is_apart`` is false where
    the intervals of the number and the one before overlap; ``less_is_better`` is true of durations. ``following`` says
    when the next number comes, where that takes long.
    """

    key: str
    name: str
    value: float | None
    unit: Unit
    about: str
    counted: str
    before: float | None = None
    against: str = ""
    beside: str = ""
    course: Sequence[float | None] = ()
    is_apart: bool = True
    less_is_better: bool = False
    following: str = ""

    @property
    def shown(self) -> str:
        """The number as it is written."""
        return "\N{EN DASH}" if self.value is None else self.unit.figure(self.value)

    @property
    def change(self) -> str:
        """How it changed, in words; empty if there is nothing to compare with."""
        if self.value is None or not self.before:
            return ""
        if not self.is_apart:
            return f"no clear change from {self.unit.figure(self.before)} in {self.against}"
        if self.unit is Unit.SHARE:
            points = round((self.value - self.before) * 100)
            return f"{_signed(points)} {'point' if abs(points) == 1 else 'points'} against {self.against}"
        ratio = self.value / self.before - 1
        if abs(ratio) < _STEADY:
            return f"same as in {self.against}"
        return f"{_signed(round(ratio * 100))}\N{NO-BREAK SPACE}% against {self.against}"

    @property
    def is_large_change(self) -> bool:
        """Whether it changed so much that a reader must see it."""
        if self.value is None or not self.before or not self.is_apart:
            return False
        if self.unit is Unit.SHARE:
            return abs(self.value - self.before) >= _LARGE_POINTS
        return abs(self.value / self.before - 1) >= _LARGE

    @property
    def is_worse(self) -> bool:
        """Whether it changed for the worse."""
        if self.value is None or self.before is None:
            return False
        return self.value > self.before if self.less_is_better else self.value < self.before


def _signed(number: int) -> str:
    return f"+{number}" if number > 0 else f"\N{MINUS SIGN}{-number}" if number else "±0"


def mean(values: Sequence[float]) -> float | None:
    """Return the mean, or None of nothing."""
    return sum(values) / len(values) if values else None
