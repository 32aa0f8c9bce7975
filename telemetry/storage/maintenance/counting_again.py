"""Counting raw events again, some thousand at a time, for what an older program did not count."""

from operator import itemgetter
from pathlib import Path
from typing import Any

from telemetry.counting.counters import Counters
from telemetry.counting.declaring import Aggregate
from telemetry.counting.deltas import Delta
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.erasure.exclusions import hashed
from telemetry.storage.log.replaying import count_stored
from telemetry.storage.log.segment import stored_event
from telemetry.storage.sqlite.copying import PATIENCE_S
from telemetry.storage.sqlite.queries import query
from telemetry.storage.sqlite.reading import reading

EVENTS_PER_STEP = 10_000
_LEAVING = "SELECT installation_sha256 FROM erasures WHERE counted_at IS NOT NULL AND finished_at IS NULL"


async def leaving_installations(aggregates: Aggregates) -> frozenset[str]:
    """Return the hashes of installations whose erasing was interrupted: their numbers are taken out already."""
    return frozenset(str(row[0]) for row in await aggregates.read(_LEAVING))


def count_again(
    counters: Counters, path: Path, position: int, watermark: int, leaving: frozenset[str]
) -> tuple[Delta, int]:
    """Return what the next events of a segment after a position add, and the id of the last of them.

    Events past the watermark and those of ``leaving`` installations are left out.
    """
    with reading(path, "segment", wait_s=PATIENCE_S) as segment:
        rows = segment.execute(query("read_events_after"), (position, EVENTS_PER_STEP)).fetchall()
    ids = {str(row[4]) for row in rows} if leaving else set()
    left = {one for one in ids if hashed(one) in leaving}
    count_stored(counters, path.stem, [stored_event(row) for row in rows if row[0] <= watermark and row[4] not in left])
    return counters.drain(), rows[-1][0] if rows else watermark


def selected(aggregate: Aggregate, rows: list[tuple[Any, ...]], names: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """Return some columns of rows of an aggregate."""
    columns = [column.name for column in aggregate.columns]
    return list(map(itemgetter(*map(columns.index, names)), rows))
