"""Bulk decisions of days that an older program counted without them: the raw events tell how many there were."""

import asyncio
import logging
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import astuple

from telemetry.counting.aggregates import ACTION_AGGREGATES
from telemetry.counting.counters import Counters
from telemetry.counting.day_labels import DayLabels
from telemetry.counting.names import Names
from telemetry.operator_errors import OperatorError
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.maintenance.counting_again import count_again, leaving_installations, selected
from telemetry.storage.sqlite.queries import query

logger = logging.getLogger(__name__)

_DAYS = "SELECT day, counted, watermark FROM days_before_bulk ORDER BY day"
_NOTE = "UPDATE days_before_bulk SET counted = ? WHERE day = ?"
_DONE = "DELETE FROM days_before_bulk WHERE day = ?"
_COLUMNS = (*ACTION_AGGREGATES.keys, "bulk_count")


async def count_bulk_decisions(aggregates: Aggregates, segments: Mapping[str, Path]) -> None:
    """Count the bulk decisions that an older program has left out; at once if there are none.

    ``segments`` are the readable ones, by day. A crash or a stop is gone on from; a day that cannot be read is tried
    again the next time.
    """
    days = await aggregates.read(_DAYS)
    if not days:
        return
    # Whatever has no row of its own was counted as the overflow, for good.
    names = Names(ACTION_AGGREGATES, names_max=0)
    names.restore(await aggregates.names(ACTION_AGGREGATES))
    counters = Counters(DayLabels(labels_max=0), {ACTION_AGGREGATES.table: names})
    leaving = await leaving_installations(aggregates)
    for day, position, watermark in days:
        try:
            if day in segments:
                await _count_day(aggregates, counters, segments[day], range(position, watermark), leaving)
        except (OperatorError, sqlite3.Error) as error:
            logger.warning("bulk decisions of a day are not counted yet", extra={"day": day, "reason": str(error)})
            continue
        async with aggregates.change() as connection:
            await connection.execute(_DONE, (day,))


async def _count_day(
    aggregates: Aggregates, counters: Counters, segment: Path, ids: range, leaving: frozenset[str]
) -> None:
    """Count the events of a segment whose ids come after the first of ``ids``, up to its end."""
    position = ids.start
    while position < ids.stop:
        delta, position = await asyncio.to_thread(count_again, counters, segment, position, ids.stop, leaving)
        rows = selected(ACTION_AGGREGATES, list(map(astuple, delta.rows[ACTION_AGGREGATES.table].values())), _COLUMNS)
        async with aggregates.change() as connection:
            await connection.executemany(query("add_bulk_decisions"), rows)
            await connection.execute(_NOTE, (position, segment.stem))
