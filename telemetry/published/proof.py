"""The proof of the ledger: what a window counted is what its raw events are, as far as they are there."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from telemetry.catalogue.installations import PLACEHOLDERS_JSON
from telemetry.published.field_voices import Aside
from telemetry.published.series import SERIES, series_of
from telemetry.published.windows import Period
from telemetry.storage.aggregates.loss import reading_aggregates
from telemetry.storage.aggregates.published_windows import RecordedWindow
from telemetry.storage.aggregates.segment_states import SEGMENT_STATES, SegmentState
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.sqlite.queries import query
from telemetry.storage.sqlite.reading import reading

# An event may have several of their keys, or none.
_SEVERAL_KEYS = {"frameworks", "features"}
_BESIDE = {series.beside: series.name for series in SERIES if series.beside}


class Unproved(NamedTuple):
    """A series of a window whose ledger differs from its raw events."""

    series: str
    start: str
    recorded: int
    counted: int


def unproved(directory: DataDirectory) -> list[Unproved]:
    """Return what differs; windows of which raw events are gone or were erased are not looked at."""
    with reading_aggregates(directory) as connection:
        rows = connection.execute(query("read_recorded_windows")).fetchall()
        states = {row[0]: SegmentState(*row) for row in connection.execute(SEGMENT_STATES)}
    there = {day for day in directory.days() if day in states and not states[day].erased and states[day].sealed_at}
    counts: dict[tuple[str, int], dict[str, int]] = {}
    found: list[Unproved] = []
    for one in (RecordedWindow(*row) for row in rows):
        if one.state == "published" and one.ledger and one.last_ids.keys() <= there:
            for segment in one.last_ids.items():
                if segment not in counts:
                    counts[segment] = _count(directory, *segment)
            found += _differing(one, [counts[segment] for segment in one.last_ids.items()])
    return found


def _count(directory: DataDirectory, day: str, last_id: int) -> dict[str, int]:
    with reading(directory.segment(day), "segment") as segment:
        return dict(segment.execute(query("count_public_events"), (last_id, PLACEHOLDERS_JSON)).fetchall())


def _differing(one: RecordedWindow, days: list[dict[str, int]]) -> Iterator[Unproved]:
    ledger = msgspec.json.decode(one.ledger or "{}", type=dict[str, dict[str, int]])
    for series in series_of(Period(one.period)):
        if series.name in _SEVERAL_KEYS or series.name not in ledger:
            continue
        recorded = sum(ledger[series.name].values())
        if series.name in _BESIDE:
            # What its own series has set aside for it.
            counted = ledger.get(_BESIDE[series.name], {}).get(Aside.AUTOMATED, 0)
            if recorded != counted:
                yield Unproved(series.name, one.start, recorded, counted)
        else:
            counted = _sum(days, series.payloads)
            # A window may have been made before some of the types were known.
            if recorded not in (counted, _sum(days, series.payloads_before or series.payloads)):
                yield Unproved(series.name, one.start, recorded, counted)


def _sum(days: list[dict[str, int]], kinds: frozenset[str]) -> int:
    """Return how many events of some types there are; of all if none are named."""
    return sum(count for day in days for kind, count in day.items() if not kinds or kind in kinds)
