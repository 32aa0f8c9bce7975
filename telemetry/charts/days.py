"""Days along a chart: their places, and the few that are named below it."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from telemetry.charts.text import width

_WEEK = 7
_LABEL_GAP = 14.0
_LABELS_MAX = 8
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600)
_MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Days:
    """The places of days of equal distance between two positions; each has a slot of its own.

    A slot is as many days wide as the closest two dates are apart, so that weeks are as wide as weeks.
    """

    first: date
    last: date
    start: float
    end: float
    days_per_slot: int

    @property
    def slot(self) -> float:
        """Return how wide a slot is."""
        return (self.end - self.start) / ((self.last - self.first).days / self.days_per_slot + 1)

    def __call__(self, day: date) -> float:
        """Return the middle of a day's slot; a day outside gets the place of the nearest."""
        inside = min(max(day, self.first), self.last)
        return self.start + ((inside - self.first).days / self.days_per_slot + 0.5) * self.slot

    def ticks(self, text_px: float) -> list[tuple[date, str]]:
        """Return the days to name with their names: as many as fit, and on round dates."""
        found: list[tuple[date, str]] = []
        for found in self._candidates():
            if len(found) <= _LABELS_MAX and self._fit(found, text_px):
                return found
        return found[:1]

    def _candidates(self) -> Iterator[list[tuple[date, str]]]:
        shown = (self.last - self.first).days // self.days_per_slot + 1
        for step in (1, 2):
            days = (self.first + timedelta(days=number * self.days_per_slot) for number in range(shown))
            yield [(day, _day_name(day)) for day in list(days)[(shown - 1) % step :: step]]
        if self.days_per_slot == 1:
            monday = self.first + timedelta(days=-self.first.weekday() % _WEEK)
            mondays = [monday + timedelta(days=number) for number in range(0, (self.last - monday).days + 1, _WEEK)]
            for step in (1, 2):
                if mondays:
                    yield [(day, _day_name(day)) for day in mondays[::step]]
        for step in _MONTHS:
            firsts = list(_firsts(self.first, self.last, step))
            if firsts:
                yield [(day, _month_name(day, number == 0)) for number, day in enumerate(firsts)]
        yield [(self.first, _day_name(self.first))]

    def _fit(self, ticks: Sequence[tuple[date, str]], text_px: float) -> bool:
        edge = float("-inf")
        for day, name in ticks:
            half = width(name, text_px) / 2
            if self(day) - half < edge:
                return False
            edge = self(day) + half + _LABEL_GAP
        return True


def days(dates: Sequence[date], start: float, end: float) -> Days:
    """Return places for dates, of which there is at least one, in order."""
    together = itertools.pairwise(dates)
    closest = min((max((after - before).days, 1) for before, after in together), default=1)
    return Days(dates[0], dates[-1], start, end, closest)


def _firsts(first: date, last: date, step: int) -> Iterator[date]:
    """Return the first days of every ``step``-th month."""
    months = first.year * 12 + first.month - (first.day == 1)
    months += -months % step
    while (day := date(months // 12, months % 12 + 1, 1)) <= last:
        yield day
        months += step


def _day_name(day: date) -> str:
    return f"{day.day}\N{NO-BREAK SPACE}{_MONTH_NAMES[day.month - 1]}"


def _month_name(day: date, is_first: bool) -> str:
    if day.month == 1:
        return str(day.year)
    name = _MONTH_NAMES[day.month - 1]
    return f"{name}\N{NO-BREAK SPACE}{day.year}" if is_first else name
