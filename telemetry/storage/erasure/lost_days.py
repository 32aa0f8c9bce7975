"""Days that have lost events which the numbers include: a segment is missing, or was replaced by an older copy."""

from collections.abc import Iterator

from telemetry.storage.aggregates.segment_states import SEGMENT_STATES, SegmentState
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.erasure.whereabouts import ReadingDay
from telemetry.storage.sqlite.reading import read_only

_ALL = "SELECT count(*) FROM events"


def lost_days(directory: DataDirectory, reading_day: ReadingDay) -> Iterator[str]:
    """Return the days, of those that retention has not removed."""
    with read_only(directory.aggregates) as aggregates:
        states = [SegmentState(*row) for row in aggregates.execute(SEGMENT_STATES)]
    there = set(directory.days())
    for state in states:
        is_counted = state.watermark and state.retired_at is None
        if is_counted and (state.day not in there or _events(state, reading_day) < state.events):
            yield state.day


def _events(state: SegmentState, reading_day: ReadingDay) -> int:
    """Return how many of the counted events a segment holds."""
    with reading_day(state.day) as segment:
        # Of a sealed segment all are counted, which an index tells.
        sql, parameters = (_ALL, ()) if state.sealed_at else (f"{_ALL} WHERE id <= ?", (state.watermark,))
        return int(segment.execute(sql, parameters).fetchone()[0])
