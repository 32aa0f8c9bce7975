"""Trust: what the numbers are complete up to, what they leave out, and which windows are missing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from telemetry.published.reading import PublicNumbers
from telemetry.published.series import OTHER_LABEL, SERIES
from telemetry.published.windows import Period, PublicWindow


@dataclass(frozen=True, slots=True)
class Unnamed:
    """What share of a series' installations, counted once for each key, is under no name."""

    series: str
    meaning: str
    share: float


@dataclass(frozen=True, slots=True)
class Trust:
    """The days that the numbers cover, those without a window among them, and the unnamed share of each series."""

    first_day: date
    complete_up_to: date
    threshold: int
    without_numbers: Sequence[date]
    made_again: int
    unnamed: Sequence[Unnamed]

    def next_on(self, period: Period) -> date:
        """Return the day on which the next window of a length is published: the one after its last."""
        current = PublicWindow.of(period, (self.complete_up_to + timedelta(1)).isoformat())
        return date.fromisoformat(current.last_day) + timedelta(1)


def trust(numbers: PublicNumbers) -> Trust | None:
    """Return what can be said about the whole publication; None if nothing is published."""
    days = numbers.windows(Period.DAY)
    if not days:
        return None
    there = {date.fromisoformat(window.start) for window in days}
    first, last = min(there), max(there)
    every = (first + timedelta(number) for number in range((last - first).days + 1))
    again = sum(window.generation > 1 for period in Period for window in numbers.windows(period))
    return Trust(
        first, last, days[-1].threshold, [day for day in every if day not in there], again, list(_unnamed(numbers))
    )


def _unnamed(numbers: PublicNumbers) -> list[Unnamed]:
    found = []
    for series in SERIES:
        counts: Counter[bool] = Counter()
        for one in numbers.numbers(series.name):
            counts[OTHER_LABEL in one.key] += one.installations
        if counts:
            found.append(Unnamed(series.name, series.meaning, counts[True] / counts.total()))
    return found
