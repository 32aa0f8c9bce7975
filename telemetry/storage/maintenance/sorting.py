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

from telemetry.counting.aggregates import SIGNATURE_COUNTS
from telemetry.counting.counters import Counters
from telemetry.counting.day_labels import DayLabels
from telemetry.counting.deltas import Delta
from telemetry.operator_errors import OperatorError
from telemetry.storage.aggregates.adding import add_rows
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.erasure.exclusions import hashed
from telemetry.storage.log.replaying import count_stored
from telemetry.storage.log.segment import stored_event
from telemetry.storage.sqlite.copying import PATIENCE_S
from telemetry.storage.sqlite.queries import query
from telemetry.storage.sqlite.reading import reading

logger = logging.getLogger(__name__)

_EVENTS_PER_STEP = 10_000
_DAYS = "SELECT day, sorted, watermark FROM unsorted_days ORDER BY day"
_LEFT = "SELECT EXISTS (SELECT 1 FROM unsorted_signatures) OR EXISTS (SELECT 1 FROM unsorted_days)"
_LEAVING = "SELECT installation_sha256 FROM erasures WHERE counted_at IS NOT NULL AND finished_at IS NULL"
_SORTED = "UPDATE unsorted_days SET sorted = ? WHERE day = ?"


async def sort_signatures(aggregates: Aggregates, segments: Mapping[str, Path]) -> None:
    """Count by their labels the signatures that an older program has left; at once if there are none.

    ``segments`` are the readable ones, by day. What they do not tell stays under the labels of its latest event.
    """
    if not (await aggregates.read(_LEFT))[0][0]:
        return
    logger.info("sorting signatures by their labels")
    leaving = frozenset(str(row[0]) for row in await aggregates.read(_LEAVING))
    for day, position, watermark in await aggregates.read(_DAYS):
        if day in segments:
            try:
                await _sort_day(aggregates, segments[day], position, watermark, leaving)
            except (OperatorError, sqlite3.Error) as error:
                logger.warning("signatures of a day stay as they are", extra={"day": day, "reason": str(error)})
    async with aggregates.change() as connection:
        await connection.execute(query("keep_unsorted_signatures"))
        for table in ("unsorted_signatures", "unsorted_days"):
            await connection.execute(f"DELETE FROM {table}")
    logger.info("signatures are sorted by their labels")


async def _sort_day(
    aggregates: Aggregates, segment: Path, position: int, watermark: int, leaving: frozenset[str]
) -> None:
    while position < watermark:
        delta, position = await asyncio.to_thread(_count, segment, position, watermark, leaving)
        rows = list(map(astuple, delta.rows[SIGNATURE_COUNTS.table].values()))
        names = [column.name for column in SIGNATURE_COUNTS.columns]
        moved = [names.index(name) for name in ("signature_hash", *SIGNATURE_COUNTS.sums)]
        async with aggregates.change() as connection:
            await add_rows(connection, SIGNATURE_COUNTS, rows)
            await connection.executemany(
                query("subtract_sorted_signatures"), [tuple(row[place] for place in moved) for row in rows]
            )
            await connection.execute(_SORTED, (position, segment.stem))


def _count(path: Path, position: int, watermark: int, leaving: frozenset[str]) -> tuple[Delta, int]:
    """Return what the next events after a position add, and the id of the last of them."""
    counters = Counters(DayLabels(labels_max=0))
    with reading(path, "segment", wait_s=PATIENCE_S) as segment:
        rows = segment.execute(query("read_events_after"), (position, _EVENTS_PER_STEP)).fetchall()
    # The numbers of those whose erasing was interrupted are taken out already.
    ids = {str(row[4]) for row in rows} if leaving else set()
    left = {one for one in ids if hashed(one) in leaving}
    count_stored(counters, path.stem, [stored_event(row) for row in rows if row[0] <= watermark and row[4] not in left])
    return counters.drain(), rows[-1][0] if rows else watermark
