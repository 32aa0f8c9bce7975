"""Pruning: folds rows of signatures into the row `other`, so that totals stay."""

import asyncio

import aiosqlite
import msgspec

from telemetry.counting.aggregates import SIGNATURE_COUNTS
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.aggregates.row_statements import row_statement
from telemetry.storage.directory.segment_files import is_day

# Rows folded in one transaction: a flush waits for no more.
_ROWS_PER_CHANGE = 2_000
_ANY = 2**63 - 1
_CHOSEN = "SELECT count(*), coalesce(sum(events), 0) FROM flushing.leaving"
_DROP = "DROP TABLE flushing.leaving"


class PruneRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Which signatures leave: last seen before a day, with at most ``events_max`` events. A dry run only reports."""

    before: str
    events_max: int = _ANY
    dry_run: bool = False

    def __post_init__(self) -> None:
        if not is_day(self.before):
            raise ValueError("before: not a day")
        if self.events_max < 1:
            raise ValueError("events_max: not a number of events")


class Pruned(msgspec.Struct):
    """How many rows were folded, or would be, and how many events they count.

    It is not ``finished`` if the service stopped before the last row.
    """

    rows: int
    events: int
    dry_run: bool
    finished: bool = True


async def prune(aggregates: Aggregates, request: PruneRequest, stop: asyncio.Event) -> Pruned:
    """Fold rows, some at a time; a stop keeps what is folded so far. The caller keeps the present day out of it."""
    chosen = (request.before, request.events_max)
    if request.dry_run:
        ((rows, events),) = await aggregates.read(row_statement("count_rows_to_prune", SIGNATURE_COUNTS), chosen)
        return Pruned(rows, events, dry_run=True)
    pruned = Pruned(0, 0, dry_run=False)
    after: tuple[object, ...] = (0, "", "", "", "")
    async with aggregates.rearranging:
        while not stop.is_set():
            async with aggregates.change() as connection:
                choose = row_statement("choose_rows", SIGNATURE_COUNTS)
                await connection.execute(choose, (*chosen, _ROWS_PER_CHANGE, *after))
                ((rows, events),) = await connection.execute_fetchall(_CHOSEN)
                if rows:
                    after = await _last_key(connection)
                    await connection.execute(row_statement("close_days_of_leaving", SIGNATURE_COUNTS))
                    await fold_leaving(connection)
                await connection.execute(_DROP)
            pruned.rows, pruned.events = pruned.rows + rows, pruned.events + events
            if rows < _ROWS_PER_CHANGE:
                return pruned
    pruned.finished = False
    return pruned


async def fold_leaving(connection: aiosqlite.Connection) -> None:
    """Fold the rows whose keys are in ``flushing.leaving``, and their forgotten counts."""
    for aggregate in (SIGNATURE_COUNTS, SIGNATURE_COUNTS.removed):
        for name in ("fold_leaving", "delete_leaving"):
            await connection.execute(row_statement(name, aggregate))


async def _last_key(connection: aiosqlite.Connection) -> tuple[object, ...]:
    keys = ", ".join(SIGNATURE_COUNTS.keys)
    order = ", ".join(f"{key} DESC" for key in SIGNATURE_COUNTS.keys)
    (last,) = await connection.execute_fetchall(f"SELECT {keys} FROM flushing.leaving ORDER BY {order} LIMIT 1")
    return tuple(last)
