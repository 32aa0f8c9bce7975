"""Which windows are to be closed."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import NamedTuple

from telemetry.published.windows import PublicWindow, windows_between
from telemetry.storage.aggregates.segment_states import SegmentState

LATE_S = 6 * 3_600.0
"""A window is late when it has not been closed so long after its end."""


class DayIs(StrEnum):
    """What becomes of a day that has had events: it is ``OPEN`` until it is sealed, and ``GONE`` after retention."""

    OPEN = "open"
    SEALED = "sealed"
    GONE = "gone"


def days_as_they_are(states: Mapping[str, SegmentState], there: Collection[str]) -> dict[str, DayIs]:
    """Return what became of each day that has had events; ``there`` are the days whose segment is there.

    A day whose segment is missing is open: it may come back from a backup.
    """
    days = {day for day, state in states.items() if state.watermark} | set(there)
    return {day: _day(states.get(day, SegmentState(day)), is_there=day in there) for day in days}


def _day(state: SegmentState, *, is_there: bool) -> DayIs:
    if state.retired_at is not None or state.retired:
        return DayIs.GONE
    return DayIs.SEALED if state.sealed_at is not None and is_there else DayIs.OPEN


class DueWindow(NamedTuple):
    """A window that has ended: its sealed days, and whether it has days that are open still or gone already."""

    window: PublicWindow
    sealed: tuple[str, ...]
    is_open: bool
    is_gone: bool


def due(days: Mapping[str, DayIs], recorded: Collection[PublicWindow], today: str) -> list[DueWindow]:
    """Return the windows that ended before ``today`` and are not recorded, in the order in which they ended.

    ``days`` are those that have had events; others are empty. A window that has none of them is not due.
    """
    there = [day for day, state in days.items() if state is not DayIs.GONE and day < today]
    if not there:
        return []
    return [
        _looked_at(window, days)
        for window in windows_between(min(there), max(there))
        if window.last_day < today and window not in recorded
    ]


def _looked_at(window: PublicWindow, days: Mapping[str, DayIs]) -> DueWindow:
    states = {day: days[day] for day in window.days() if day in days}
    sealed = tuple(day for day, state in states.items() if state is DayIs.SEALED)
    return DueWindow(window, sealed, DayIs.OPEN in states.values(), DayIs.GONE in states.values())
