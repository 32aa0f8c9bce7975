"""What is public and how much is not, by series and window, for the operator: read from the files."""

import sqlite3
from typing import NamedTuple

import msgspec

from telemetry.published.due import days_as_they_are, due
from telemetry.published.reading import PublicNumbers, reading_published
from telemetry.published.series import SERIES
from telemetry.published.windows import Period, PublicWindow
from telemetry.storage.aggregates.loss import reading_aggregates
from telemetry.storage.aggregates.published_windows import RecordedWindow
from telemetry.storage.aggregates.segment_states import SEGMENT_STATES, SegmentState
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.sqlite.queries import query

_PUBLIC_STATES = {"published", "adopted", "uncorrectable"}


class SeriesWindow(NamedTuple):
    """What became of a series' observations in a window, in ``telemetry.db``'s words.

    ``late`` are events received for the window's days after it was closed, of any type.
    """

    series: str
    start: str
    state: str
    generation: int
    named: int
    other: int
    withheld: int
    aside: dict[str, int]
    late: int


def published_series(directory: DataDirectory) -> list[SeriesWindow]:
    """Return every series of every window that is recorded, by series, the oldest window first."""
    with reading_aggregates(directory) as connection:
        recorded = list(map(_recorded, connection.execute(query("read_recorded_windows"))))
        states = _states(connection)
    recorded.sort(key=lambda one: one.start)
    pairs = ((series.name, one) for series in SERIES for one in recorded if one.period == series.period)
    return [_described(name, one, states) for name, one in pairs]


def late_windows(directory: DataDirectory, today: str) -> list[PublicWindow]:
    """Return the windows that ended before a day and were never published, except gaps."""
    with reading_aggregates(directory) as connection:
        recorded = {
            PublicWindow(Period(one.period), one.start): one
            for one in map(_recorded, connection.execute(query("read_recorded_windows")))
        }
        states = _states(connection)
    days = days_as_they_are(states, directory.days())
    waiting = [window for window, one in recorded.items() if _is_first(one) and one.last_day < today]
    ended = due(days, recorded, today)
    return sorted([*waiting, *(one.window for one in ended if not one.is_gone)], key=lambda window: window.last_day)


def lost_windows(directory: DataDirectory) -> list[PublicWindow]:
    """Return the windows that are recorded as published and are not in ``published.db``."""
    with reading_aggregates(directory) as connection:
        recorded = list(map(_recorded, connection.execute(query("read_recorded_windows"))))
    with reading_published(directory.published) as numbers:
        return missing_from(numbers, recorded)


def uncorrected_windows(directory: DataDirectory) -> list[RecordedWindow]:
    """Return published windows that still count an excluded installation or deleted days, oldest first.

    Windows in the state ``closing`` are made again with the next publication. ``uncorrectable`` ones stay, because some
    of their raw events are gone.
    """
    with reading_aggregates(directory) as connection:
        recorded = map(_recorded, connection.execute(query("read_recorded_windows")))
        found = [one for one in recorded if one.generation > 1 and one.state in {"closing", "uncorrectable"}]
    return sorted(found, key=lambda one: one.start)


def missing_from(numbers: PublicNumbers | None, recorded: list[RecordedWindow]) -> list[PublicWindow]:
    """Return the windows that are recorded as published and are not among the public numbers, if these are there."""
    found = {(one.period, one.start) for period in Period for one in numbers.windows(period)} if numbers else set()
    windows = (PublicWindow(Period(one.period), one.start) for one in recorded if one.state in _PUBLIC_STATES)
    return sorted((one for one in windows if one not in found), key=lambda window: window.last_day)


def _is_first(one: RecordedWindow) -> bool:
    """Tell whether a window waits for its first publication."""
    return one.state == "closing" and one.generation == 1


def _recorded(row: tuple[str, str, str, str, str, int, str, str]) -> RecordedWindow:
    return RecordedWindow(*row)


def _states(connection: sqlite3.Connection) -> dict[str, SegmentState]:
    return {row[0]: SegmentState(*row) for row in connection.execute(SEGMENT_STATES)}


def _described(series: str, one: RecordedWindow, states: dict[str, SegmentState]) -> SeriesWindow:
    ledger = msgspec.json.decode(one.ledger, type=dict[str, dict[str, int]]) if one.ledger else {}
    counts = ledger.get(series, {})
    shown = {name: counts.pop(name, 0) for name in ("named", "other", "withheld")}
    inside = PublicWindow(Period(one.period), one.start).days()
    late = sum(max(0, states[day].watermark - one.last_ids.get(day, 0)) for day in inside if day in states)
    known = one.state in {"published", "uncorrectable"}
    return SeriesWindow(series, one.start, one.state, one.generation, **shown, aside=counts, late=late if known else 0)
