"""Sorting signatures by their labels: older programs counted each under those of its latest event.

The raw events tell the others. Some thousand events at a time are counted by their labels, subtracted from what was
counted without, and noted, in one transaction: a start goes on where a crash or a stop has left it.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import astuple

from telemetry.counting.aggregates import ACTION_AGGREGATES, SIGNATURE_COUNTS
from telemetry.counting.counters import Counters
from telemetry.counting.day_labels import DayLabels
from telemetry.operator_errors import OperatorError
from telemetry.storage.aggregates.adding import add_rows
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.aggregates.row_statements import row_statement
from telemetry.storage.maintenance.counting_again import count_again, leaving_installations, selected
from telemetry.storage.sqlite.copying import PATIENCE_S
from telemetry.storage.sqlite.queries import query
from telemetry.storage.sqlite.reading import reading

logger = logging.getLogger(__name__)

_UNSORTED = ("unsorted_signatures", "unsorted_actions", "unsorted_days")
_SORTED_TABLES = (SIGNATURE_COUNTS, ACTION_AGGREGATES)
_LEFT = f"SELECT {' OR '.join(f'EXISTS (SELECT 1 FROM {table})' for table in _UNSORTED)}"
_COUNT = "SELECT count(*) FROM events WHERE id <= ?"
_NOTE = "UPDATE unsorted_days SET sorted = ? WHERE day = ?"


async def sort_signatures(aggregates: Aggregates, segments: Mapping[str, Path]) -> None:
    """Count by their labels the signatures that an older program has left; at once if there are none.

    ``segments`` are the readable ones, by day. What they do not tell stays under the labels of its latest event. It is
    recorded as forgotten unless it may be of a day that is not past and could not be read.
    """
    if not (await aggregates.read(_LEFT))[0][0]:
        return
    logger.info("sorting signatures by their labels")
    leaving = await leaving_installations(aggregates)
    unread = ""
    for day, position, watermark, events in await aggregates.read(query("read_unsorted_days")):
        try:
            whole = day in segments and await _sort_day(
                aggregates, segments[day], position, watermark, events=events, leaving=leaving
            )
        except (OperatorError, sqlite3.Error) as error:
            logger.warning("signatures of a day stay as they are", extra={"day": day, "reason": str(error)})
            whole = False
        unread = unread if whole else max(unread, day)
    await _finish(aggregates, unread)
    logger.info("signatures are sorted by their labels")


async def _finish(aggregates: Aggregates, unread: str) -> None:
    async with aggregates.change() as connection:
        await connection.execute(row_statement("keep_unsorted_signatures", SIGNATURE_COUNTS.removed), (unread,))
        await connection.execute(row_statement("keep_unsorted_signatures", SIGNATURE_COUNTS), ("",))
        await connection.execute(query("keep_unsorted_actions"), (unread,))
        for table in _UNSORTED:
            await connection.execute(f"DELETE FROM {table}")


async def _sort_day(
    aggregates: Aggregates, segment: Path, position: int, watermark: int, *, events: int, leaving: frozenset[str]
) -> bool:
    """Sort the rest of a day; return whether its segment holds as many events as were counted of it."""
    while position < watermark:
        delta, position = await asyncio.to_thread(
            count_again, Counters(DayLabels(labels_max=0)), segment, position, watermark, leaving
        )
        signatures, actions = (list(map(astuple, delta.rows[one.table].values())) for one in _SORTED_TABLES)
        async with aggregates.change() as connection:
            await add_rows(connection, SIGNATURE_COUNTS, signatures)
            moved = selected(SIGNATURE_COUNTS, signatures, ("signature_hash", *SIGNATURE_COUNTS.sums))
            await connection.executemany(query("subtract_sorted_signatures"), moved)
            told = selected(ACTION_AGGREGATES, actions, ACTION_AGGREGATES.keys + ACTION_AGGREGATES.sums)
            await connection.executemany(query("subtract_sorted_actions"), told)
            await connection.execute(_NOTE, (position, segment.stem))
    with reading(segment, "segment", wait_s=PATIENCE_S) as connection:
        return int(connection.execute(_COUNT, (watermark,)).fetchone()[0]) >= events
