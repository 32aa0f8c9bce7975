"""Scales: from values to positions, with few and round ticks. A value outside a scale gets the position of its end."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from telemetry.charts.units import Unit

_SHARE_STEPS = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5)
_MILLISECONDS = tuple(digit * 10.0**power for power in range(4) for digit in (1, 2, 5))
_DURATION_STEPS = (
    *(step for step in _MILLISECONDS if step <= 5_000),  # noqa: PLR2004
    *(seconds * 1_000.0 for seconds in (10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 43_200)),
)
_LOG_DURATIONS_MS = (
    1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 60_000, 180_000, 600_000, 1_800_000, 3_600_000, 10_800_000,
    86_400_000,
)  # fmt: skip
_STEPS_MAX = 6


@dataclass(frozen=True, slots=True)
class Linear:
    """A scale on which equal differences are equally far apart."""

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]

    def __call__(self, value: float) -> float:
        """Return the position of a value."""
        return _between((value - self.low) / (self.high - self.low), self.start, self.end)


@dataclass(frozen=True, slots=True)
class Logarithmic:
    """A scale on which equal ratios are equally far apart."""

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]

    def __call__(self, value: float) -> float:
        """Return the position of a value; one that has no logarithm gets that of the lowest."""
        if value <= self.low:
            return self.start
        return _between(math.log(value / self.low) / math.log(self.high / self.low), self.start, self.end)


Scale = Linear | Logarithmic


def linear(high: float, unit: Unit, start: float, end: float, *, steps_max: int = _STEPS_MAX) -> Linear:
    """Return a scale from 0 to the first tick that is not below ``high``, with at most ``steps_max`` steps."""
    step = _step(high, unit, steps_max)
    count = max(math.ceil(high / step - 1e-9), 1)
    return Linear(0, _tick(count, step), start, end, tuple(_tick(number, step) for number in range(count + 1)))


def logarithmic(low: float, high: float, start: float, end: float, *, steps_max: int = _STEPS_MAX) -> Logarithmic:
    """Return a scale of milliseconds from the last tick not above ``low`` to the first that is not below ``high``."""
    first = max((number for number, tick in enumerate(_LOG_DURATIONS_MS) if tick <= low), default=0)
    last = next((number for number, tick in enumerate(_LOG_DURATIONS_MS) if tick >= high), len(_LOG_DURATIONS_MS) - 1)
    last = max(last, first + 1)
    if last == len(_LOG_DURATIONS_MS):
        first, last = first - 1, last - 1
    spacing = math.ceil((last - first) / steps_max)
    # Counted from the top, where the values are that somebody has to do something about.
    ticks = tuple(map(float, reversed(_LOG_DURATIONS_MS[first : last + 1][::-1][::spacing])))
    return Logarithmic(float(_LOG_DURATIONS_MS[first]), float(_LOG_DURATIONS_MS[last]), start, end, ticks)


def shares(start: float, end: float, *, steps: int = 4) -> Linear:
    """Return a scale of all shares, from none to all, in so many steps."""
    return Linear(0, 1, start, end, tuple(step / steps for step in range(steps + 1)))


def finite(values: Sequence[float | None]) -> list[float]:
    """Return the values that are there and that a chart can show."""
    return [value for value in values if value is not None and math.isfinite(value)]


def _between(share: float, start: float, end: float) -> float:
    return start + min(max(share, 0.0), 1.0) * (end - start)


def _tick(number: int, step: float) -> float:
    # 3 * 0.1 is 0.30000000000000004.
    return round(number * step, 9)


def _step(high: float, unit: Unit, steps_max: int) -> float:
    known = {Unit.COUNT: (), Unit.SHARE: _SHARE_STEPS, Unit.DURATION: _DURATION_STEPS}[unit]
    above = {Unit.COUNT: 1.0, Unit.SHARE: 1.0, Unit.DURATION: 86_400_000.0}[unit]
    power = max(math.floor(math.log10(high / above / steps_max)), 0) if high > above else 0
    round_ones = (above * digit * 10.0**exponent for exponent in range(power, power + 3) for digit in (1, 2, 5))
    return next(step for step in chain(known, round_ones) if high <= step * steps_max * (1 + 1e-9))
