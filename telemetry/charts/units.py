"""What values count, and how they are written: numbers, shares and durations."""

from collections.abc import Callable
from enum import Enum

_THOUSAND = 1_000
_SHORT_FROM = 10_000
_SECOND, _MINUTE, _HOUR, _DAY = 1_000.0, 60_000.0, 3_600_000.0, 86_400_000.0
_DURATIONS = ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (_SECOND, "s"), (1.0, "ms"))
_NO_BREAK = "\N{NO-BREAK SPACE}"


class Unit(Enum):
    """What a number of a chart means: how many, a share from 0 to 1, or milliseconds."""

    COUNT = "count"
    SHARE = "share"
    DURATION = "duration"

    def write(self, value: float) -> str:
        """Return a value with at most three digits of its own: ``1,250``, ``48 %``, ``7.1 s``."""
        match self:
            case Unit.COUNT:
                return _count(value)
            case Unit.SHARE:
                return f"{_digits(value * 100)}{_NO_BREAK}%"
            case Unit.DURATION:
                return _duration(value, _digits)

    def figure(self, value: float) -> str:
        """Return a measured value, always as exact as those beside it: ``8.0 s``, and shares in whole percent."""
        match self:
            case Unit.COUNT:
                return _count(value)
            case Unit.SHARE:
                return f"{value * 100:.0f}{_NO_BREAK}%"
            case Unit.DURATION:
                return _duration(value, _figures)


def _count(value: float) -> str:
    for size, sign in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        # From 999,500 on three digits of thousands would be 1000 k.
        if value >= max(size * 0.9995, _SHORT_FROM):
            return f"{_digits(value / size)}{_NO_BREAK}{sign}"
    return f"{value:,.0f}" if value == int(value) or value >= _THOUSAND else _digits(value)


def _duration(value: float, digits: Callable[[float], str]) -> str:
    size, sign = next(((size, sign) for size, sign in _DURATIONS if value >= size * 0.9995), _DURATIONS[-1])
    return f"{digits(value / size)}{_NO_BREAK}{sign}"


def _digits(value: float) -> str:
    """Return a number with one decimal below ten, and without one from there on."""
    return _figures(value).removesuffix(".0")


def _figures(value: float) -> str:
    return f"{value:.1f}" if abs(value) < 9.95 else f"{value:,.0f}"  # noqa: PLR2004
