"""Which windows are to be closed."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import NamedTuple

from telemetry.published.windows import PublicWindow, windows_between


class DayIs(StrEnum):
    """What becomes of a day that has had events: it is ``OPEN`` until it is sealed, and ``GONE`` after retention."""

    OPEN = "open"
    SEALED = "sealed"
    GONE = "gone"


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
