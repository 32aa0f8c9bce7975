"""Deletion of days: removes their raw events and what these have added to the numbers.

An interruption leaves each day whole or gone: if the segment is still there, the next start counts it from scratch.
"""

import asyncio
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from telemetry.clock import column_time
from telemetry.counting.aggregates import BOUNDED_BY_DAY
from telemetry.operator_errors import ConflictError
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.aggregates.loss import reading_aggregates
from telemetry.storage.aggregates.segment_states import SEGMENT_STATES, SegmentState, SegmentStates
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.node import read_node, write_node
from telemetry.storage.erasure.contributions import DayContributions
from telemetry.storage.erasure.subtracting import subtracting_rows
from telemetry.storage.sqlite.queries import query
from telemetry.storage.sqlite.reading import reading

_COUNTS = "SELECT date, count(*) FROM daily_stats WHERE value != 0 AND date BETWEEN ? AND ? GROUP BY date"
_UNFINISHED = "SELECT count(*) FROM erasures WHERE finished_at IS NULL"
_RETIRE = "UPDATE segments SET retired_at = ? WHERE day = ? AND retired_at IS NULL"
# Other tables with rows by day, and their columns of days.
_OF_DAYS = {"daily_stats": "date", "imported_stats": "date", "removed_stats": "date", "catalogue_versions": "day"}
_OF_DAYS |= {f"{aggregate.table}_days": "day" for aggregate in BOUNDED_BY_DAY}


class DayFound(NamedTuple):
    """A day that can be deleted: how many raw events are there, and how many counts ``daily_stats`` has of it.

    ``is_whole`` tells whether all counted events are still there: only then can everything they added be taken out.
    """

    day: str
    events: int
    counts: int
    is_whole: bool


def days_between(directory: DataDirectory, first: str, last: str) -> list[DayFound]:
    """Return the days from ``first`` to ``last`` that have raw events or numbers, oldest first."""
    with reading_aggregates(directory) as aggregates:
        counts = {str(day): int(count) for day, count in aggregates.execute(_COUNTS, (first, last))}
        states = {row[0]: SegmentState(*row) for row in aggregates.execute(SEGMENT_STATES)}
    there = {day for day in directory.days() if first <= day <= last}
    return [
        _found(directory, states.get(day, SegmentState(day)), counts.get(day, 0), is_there=day in there)
        for day in sorted(there | counts.keys())
    ]


async def delete_days(
    directory: DataDirectory,
    aggregates: Aggregates,
    days: Collection[DayFound],
    folder: Path,
    *,
    now: float,
    keys_max: int,
) -> None:
    """Delete days whose events are all counted, and leave the recount of installations to the caller.

    No service may run. ``folder`` takes what is counted, with up to ``keys_max`` rows in memory. Raises
    ``ConflictError`` while an installation is only half erased.
    """
    ((unfinished,),) = await aggregates.read(_UNFINISHED)
    if unfinished:
        raise ConflictError("an erasure is not finished: start the service, which finishes it, and stop it again")
    there = set(directory.days())
    own = sorted(found.day for found in days if found.day in there)
    states = await SegmentStates(aggregates).all()
    watermarks = {day: states[day].watermark for day in sorted(there) if day in states}
    counted = DayContributions(folder, directory, own, asyncio.Event(), keys_max=keys_max)
    await counted.count(watermarks, others=True)
    async with aggregates.change(contribution=counted.contribution, remaining=counted.remaining) as connection:
        # Sums over all time still hold the events that are gone. Correcting rows needs to know their days.
        lost = [(column_time(now), found.day) for found in days if not found.is_whole]
        await connection.executemany(_RETIRE, lost)
        for statement in subtracting_rows():
            await connection.execute(statement)
        for found in days:
            day = (found.day,)
            for table, column in _OF_DAYS.items():
                await connection.execute(f"DELETE FROM {table} WHERE {column} = ?", day)
            await connection.execute(query("leave_days_out_of_windows"), (found.day, found.day))
            if found.is_whole:
                await connection.execute("DELETE FROM segments WHERE day = ?", day)
    for name in own:
        directory.remove_segment(name)
    if (node := read_node(directory.node)) is not None:
        # Ids of these days begin at 1 again. A cluster must not take the new events for deleted ones that it holds.
        write_node(directory.node, node.successor({day: last for day, last in watermarks.items() if day not in own}))


def _found(directory: DataDirectory, state: SegmentState, counts: int, *, is_there: bool) -> DayFound:
    if not is_there:
        return DayFound(state.day, 0, counts, is_whole=False)
    with reading(directory.segment(state.day), "segment") as segment:
        ((version,),) = segment.execute("PRAGMA user_version")
        ((events,),) = segment.execute("SELECT count(*) FROM events") if version else ((0,),)
    return DayFound(state.day, int(events), counts, is_whole=int(events) >= state.events and not state.retired)
