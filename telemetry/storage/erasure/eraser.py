"""The eraser: takes one installation out of the log and, if it is excluded, out of the numbers."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Collection
from contextlib import nullcontext
from typing import NamedTuple

from telemetry.catalogue.stored_ids import IdKey
from telemetry.clock import Clock, column_time
from telemetry.counting.counters import Counters
from telemetry.operator_errors import LimitReachedError, StoppedError
from telemetry.stoppable import StoppableWork
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.erasure.deleting import EventDeletion
from telemetry.storage.erasure.exclusions import EXCLUSIONS_MAX, Exclusions
from telemetry.storage.erasure.requests import Erased, ErasureKind, ErasureRequest
from telemetry.storage.erasure.taking_out import TakingOut
from telemetry.storage.erasure.whereabouts import erasure_name, ids_of, ids_with
from telemetry.storage.log.archive import Archive
from telemetry.storage.log.event_log import EventLog
from telemetry.storage.sqlite.migrations import newer_copy, schema_copies
from telemetry.storage.sqlite.queries import query
from telemetry.storage.sqlite.scrubbing import check_stop, scrub

logger = logging.getLogger(__name__)

_EXCLUDED = "SELECT 1 FROM erasures WHERE installation_sha256 = ? AND kind = 'exclude'"


class _Unfinished(NamedTuple):
    hashed_id: str
    kind: str
    counted_at: str | None
    ids: str | None
    done_through: str | None


class Eraser(StoppableWork):
    """Owns the table ``erasures``, and what is excluded. One erasure at a time is under way."""

    def __init__(
        self,
        directory: DataDirectory,
        aggregates: Aggregates,
        log: EventLog,
        exclusions: Exclusions,
        clock: Clock,
        *,
        archive: Archive,
        id_key: IdKey,
        settle: Callable[[], Awaitable[None]],
        flush: Callable[[], Awaitable[None]],
        counters: Counters,
        keys_max: int,
    ) -> None:
        super().__init__()
        self._directory = directory
        self._aggregates = aggregates
        self._archive = archive
        self._exclusions = exclusions
        self._clock = clock
        self._id_key = id_key
        self._turn = aggregates.rearranging
        self._numbers = TakingOut(
            directory, aggregates, counters, clock, settle=settle, flush=flush, stop=self._stop, keys_max=keys_max
        )
        self._events = EventDeletion(directory, archive, log, clock, flush=flush, stop=self._stop)

    async def load(self) -> None:
        """Exclude whom the database says: those who were excluded, and those who are just being erased."""
        sql = "SELECT installation_sha256 FROM erasures WHERE kind = 'exclude' OR finished_at IS NULL"
        self._exclusions.replace([str(row[0]) for row in await self._aggregates.read(sql)])

    async def erase(self, request: ErasureRequest) -> Erased:
        """Erase an installation, or say what that would do; it is finished even if nobody waits for it.

        What was asked for is noted first: a start finishes what was stopped, which is reported as not ``finished``.
        Raises ``InUseError`` if a reader is in the way, ``LimitReachedError`` if no more can be excluded, and
        ``StoppedError`` if a dry run was stopped.
        """
        return await self._carried_out(self._erase(request.installation, request.kind, dry_run=request.dry_run))

    async def resume(self) -> None:
        """Finish what a crash or a stop has left, and what a restored backup does not know yet."""
        async with self._turn:
            try:
                await self._resume()
            except StoppedError as reason:
                logger.info("%s", reason)

    async def _erase(self, installation_id: str, kind: ErasureKind, *, dry_run: bool) -> Erased:
        async with self._turn:
            ids = await asyncio.to_thread(ids_of, self._directory, self._id_key, installation_id)
            hashed_id = erasure_name(self._id_key, installation_id)
            # What is forgotten is excluded too, but only until that is finished.
            if kind is ErasureKind.EXCLUDE and self._exclusions.full and hashed_id not in self._exclusions:
                raise LimitReachedError(
                    f"{EXCLUSIONS_MAX:,} installations are excluded, which is the limit: have your proxy refuse the "
                    "address that sends, and erase what it has sent with `telemetry forget`"
                )
            if kind is ErasureKind.UNDO:
                return await self._undo(hashed_id, dry_run=dry_run)
            if dry_run:
                return await self._numbers.foresee(ids, kind)
            erased = Erased(kind, False, {}, {}, finished=False)
            try:
                await self._resume()
                await self._note(hashed_id, kind)
                erased = await self._numbers.take_out(ids, hashed_id, kind)
                erased.finished = False
                await self._finish(ids, hashed_id)
                erased.finished = True
            except StoppedError as reason:
                await self._note(hashed_id, kind)
                logger.info("%s", reason)
            finally:
                await self.load()
            return erased

    async def _undo(self, hashed_id: str, *, dry_run: bool) -> Erased:
        """Have the events of an excluded installation count from now on; what was begun to be erased is so first."""
        if not dry_run:
            await self._resume()
        undone = bool(await self._aggregates.read(_EXCLUDED, (hashed_id,)))
        if undone and not dry_run:
            async with self._aggregates.change() as connection:
                await connection.execute(query("undo_exclusion"), (hashed_id,))
                undone_at = column_time(self._clock.now())
                await connection.execute(query("note_undone_exclusion"), (hashed_id, undone_at))
            await self.load()
        return Erased(ErasureKind.UNDO, dry_run, {}, {}, undone=undone)

    async def _note(self, hashed_id: str, kind: ErasureKind) -> None:
        """Have its events dropped from now on, and a start finish what is not finished here."""
        self._exclusions.add(hashed_id)
        await self._change(query("request_erasure"), hashed_id, kind, column_time(self._clock.now()))

    async def _resume(self) -> None:
        found = await self._aggregates.read(query("read_unfinished_erasures"))
        for unfinished in [_Unfinished(*row) for row in found]:
            check_stop(self._stop)
            if unfinished.counted_at is not None and unfinished.ids is not None:
                await self._finish(json.loads(unfinished.ids), unfinished.hashed_id, unfinished.done_through or "")
                continue
            erased, reading_day = unfinished.hashed_id, self._events.reading
            ids = await asyncio.to_thread(ids_with, self._directory, self._id_key, erased, reading_day)
            if unfinished.counted_at is None and ids:
                await self._numbers.take_out(ids, erased, ErasureKind(unfinished.kind))
            await self._finish(ids, erased)

    async def _finish(self, ids: Collection[str], hashed_id: str, done_through: str = "") -> None:
        """Delete and overwrite the events of each day after ``done_through``, then the ids in the aggregates."""
        sql = "SELECT requested_at FROM erasures WHERE installation_sha256 = ?"
        ((requested_at,),) = await self._aggregates.read(sql, (hashed_id,))
        # The file of a retired day may still be there, with events that nothing counts.
        await self._archive.finish_retiring()
        for day in [day for day in self._directory.days() if day > done_through]:
            await self._events.delete(day, ids, requested_at)
            await self._change("UPDATE erasing SET done_through = ? WHERE installation_sha256 = ?", day, hashed_id)
        await self._change("UPDATE erasing SET installation_ids = '[]' WHERE installation_sha256 = ?", hashed_id)
        await scrub(self._directory.aggregates, lambda: nullcontext(self._aggregates), ids, self._stop)
        # What an upgrade kept, and what was put aside to undo one, holds the ids too.
        for copy in (*schema_copies(self._directory.aggregates), newer_copy(self._directory.aggregates)):
            copy.unlink(missing_ok=True)
        async with self._aggregates.change() as connection:
            await connection.execute(query("finish_erasure"), (column_time(self._clock.now()), hashed_id))
            await connection.execute("DELETE FROM erasing WHERE installation_sha256 = ?", (hashed_id,))
        await self.load()
        logger.info("an installation was erased")

    async def _change(self, sql: str, *parameters: str) -> None:
        async with self._aggregates.change() as connection:
            await connection.execute(sql, parameters)
