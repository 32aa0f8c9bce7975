"""Figures: a number that stands in the first line of a page, how it changed, and its course."""

from collections.abc import Sequence
from dataclasses import dataclass

from telemetry.charts.units import Unit

# From so much on, a change is more than noise to a reader.
_STEADY = 0.005


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its name. ``before`` is the same number of ``against``, a period of the same length.

    ``beside`` is what the number leaves out; ``course`` are its values from the oldest on.
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

    @property
    def shown(self) -> str:
        """The number as it is written."""
        return "\N{EN DASH}" if self.value is None else self.unit.figure(self.value)

    @property
    def change(self) -> str:
        """How it changed, in words; empty if there is nothing to compare with."""
        if self.value is None or not self.before:
            return ""
        if self.unit is Unit.SHARE:
            points = round((self.value - self.before) * 100)
            return f"{_signed(points)} {'point' if abs(points) == 1 else 'points'} against {self.against}"
        ratio = self.value / self.before - 1
        if abs(ratio) < _STEADY:
            return f"as in {self.against}"
        return f"{_signed(round(ratio * 100))}\N{NO-BREAK SPACE}% against {self.against}"


def _signed(number: int) -> str:
    return f"+{number}" if number > 0 else f"\N{MINUS SIGN}{-number}" if number else "±0"


def mean(values: Sequence[float]) -> float | None:
    """Return the mean, or None of nothing."""
    return sum(values) / len(values) if values else None
