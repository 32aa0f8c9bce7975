"""Windows: the whole UTC days that a published number is about."""

from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple, Self

# A Monday. Every window of four weeks begins a multiple of 28 days after it.
ANCHOR = date(2024, 1, 1)


class Period(StrEnum):
    """How long a window is; weeks begin on Mondays."""

    DAY = "day"
    WEEK = "week"
    FOUR_WEEKS = "four_weeks"

    @property
    def days(self) -> int:
        """How many days a window has."""
        return _DAYS[self]


_DAYS = {Period.DAY: 1, Period.WEEK: 7, Period.FOUR_WEEKS: 28}


class PublicWindow(NamedTuple):
    """A period from its first day on; days are text such as 2026-11-23."""

    period: Period
    start: str

    @classmethod
    def of(cls, period: Period, day: str) -> Self:
        """Return the window that a day lies in."""
        past = (date.fromisoformat(day) - ANCHOR).days % period.days
        return cls(period, (date.fromisoformat(day) - timedelta(past)).isoformat())

    @property
    def last_day(self) -> str:
        """The last day of the window."""
        return (date.fromisoformat(self.start) + timedelta(self.period.days - 1)).isoformat()

    def days(self) -> list[str]:
        """Return the days of the window, in their order."""
        first = date.fromisoformat(self.start)
        return [(first + timedelta(number)).isoformat() for number in range(self.period.days)]


def windows_between(first: str, last: str) -> Iterator[PublicWindow]:
    """Return the windows that a day from the first to the last lies in, in the order in which they end."""
    found = {PublicWindow.of(period, day) for day in _days(first, last) for period in Period}
    return iter(sorted(found, key=lambda window: (window.last_day, window.period.days)))


def _days(first: str, last: str) -> Iterator[str]:
    day, end = date.fromisoformat(first), date.fromisoformat(last)
    while day <= end:
        yield day.isoformat()
        day += timedelta(1)
