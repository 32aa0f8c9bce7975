"""The eraser: takes one installation out of the log and, if it is excluded, out of the numbers."""

import asyncio
import json
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import NamedTuple

from telemetry.catalogue.stored_ids import IdKey
from telemetry.clock import Clock, column_time
from telemetry.counting.aggregates import BOUNDED
from telemetry.counting.counters import Counters
from telemetry.operator_errors import LimitReachedError, StoppedError, StorageFailedError
from telemetry.stoppable import StoppableWork
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.aggregates.segment_states import SegmentStates
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.erasure.contributions import Contributions
from telemetry.storage.erasure.exclusions import EXCLUSIONS_MAX, Exclusions
from telemetry.storage.erasure.requests import Erased, ErasureKind, ErasureRequest
from telemetry.storage.erasure.subtracting import excluding, forgetting
from telemetry.storage.erasure.whereabouts import erasure_name, ids_of, ids_with
from telemetry.storage.log.event_log import EventLog
from telemetry.storage.sqlite.migrations import schema_copies
from telemetry.storage.sqlite.queries import query
from telemetry.storage.sqlite.reading import reading
from telemetry.storage.sqlite.scrubbing import INSTRUCTIONS_PER_LOOK, check_stop, scrub, telling_stop

logger = logging.getLogger(__name__)

# A group that comes meanwhile waits for no more than this to be deleted.
_ROWS_PER_DELETE = 500


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
        id_key: IdKey,
        settle: Callable[[], Awaitable[None]],
        flush: Callable[[], Awaitable[None]],
        counters: Counters,
        keys_max: int,
    ) -> None:
        super().__init__()
        self._directory = directory
        self._aggregates = aggregates
        self._states = SegmentStates(aggregates)
        self._log = log
        self._exclusions = exclusions
        self._clock = clock
        self._id_key = id_key
        self._settle = settle
        self._flush = flush
        self._counters = counters
        self._keys_max = keys_max
        self._turn = aggregates.rearranging

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
                return await self._foresee(ids, kind)
            erased = Erased(kind, False, {}, {}, finished=False)
            try:
                await self._resume()
                await self._note(hashed_id, kind)
                erased = await self._take_out(ids, hashed_id, kind)
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

    async def _foresee(self, ids: Collection[str], kind: ErasureKind) -> Erased:
        with self._contributions(ids) as counted:
            try:
                await counted.count(await self._watermarks(), others=False)
            except StoppedError as reason:
                raise StoppedError("the dry run was stopped: do this again") from reason
            return _report(kind, counted, dry_run=True)

    async def _note(self, hashed_id: str, kind: ErasureKind) -> None:
        """Have its events dropped from now on, and a start finish what is not finished here."""
        self._exclusions.add(hashed_id)
        async with self._aggregates.change() as connection:
            now = column_time(self._clock.now())
            await connection.execute(query("request_erasure"), (hashed_id, kind, now))

    async def _resume(self) -> None:
        found = await self._aggregates.read(query("read_unfinished_erasures"))
        for unfinished in [_Unfinished(*row) for row in found]:
            check_stop(self._stop)
            if unfinished.counted_at is not None and unfinished.ids is not None:
                await self._finish(json.loads(unfinished.ids), unfinished.hashed_id, unfinished.done_through or "")
                continue
            ids = await asyncio.to_thread(ids_with, self._directory, self._id_key, unfinished.hashed_id, self._reading)
            if unfinished.counted_at is None and ids:
                await self._take_out(ids, unfinished.hashed_id, ErasureKind(unfinished.kind))
            await self._finish(ids, unfinished.hashed_id)

    async def _take_out(self, ids: Collection[str], hashed_id: str, kind: ErasureKind) -> Erased:
        """Change the numbers, and note what is left to do, in one transaction."""
        # Its events are not accepted any more: what has come before is in the aggregates now.
        await self._settle()
        reached = {day: self._counters.counted(day) for day in self._directory.days()}
        await self._flush()
        others, now = kind is ErasureKind.EXCLUDE, column_time(self._clock.now())
        with self._contributions(ids) as counted:

            async def count() -> None:
                watermarks = await self._watermarks()
                if any(watermark < reached.get(day, 0) for day, watermark in watermarks.items()):
                    raise StorageFailedError(
                        "the last events could not be flushed: find the cause in the log, and do this again"
                    )
                await counted.count(watermarks, others=others)

            await count()
            # Count again inside the lock: a flush may have run since, and none can now.
            async with self._aggregates.change(
                count, contribution=counted.contribution, remaining=counted.remaining
            ) as connection:
                for statement in excluding() if kind is ErasureKind.EXCLUDE else forgetting():
                    await connection.execute(statement)
                await connection.executemany(
                    "DELETE FROM installations WHERE installation_id = ?", [(one,) for one in ids]
                )
                await connection.execute(
                    "UPDATE erasures SET counted_at = ? WHERE installation_sha256 = ?", (now, hashed_id)
                )
                # Kept until the erasure is finished: once the events are deleted, only this has the ids to look for.
                await connection.execute(
                    "REPLACE INTO erasing (installation_sha256, installation_ids) VALUES (?, ?)",
                    (hashed_id, json.dumps(sorted(ids))),
                )
            if kind is ErasureKind.EXCLUDE:
                await self._release(counted)
            return _report(kind, counted, dry_run=False)

    async def _release(self, counted: Contributions) -> None:
        """Free the places of labels and names that no other installation has used."""
        for day, metrics in counted.metrics_by_day().items():
            self._counters.release(day, metrics - set(await self._aggregates.metrics(day)))
        for aggregate in BOUNDED:
            left = set(await self._aggregates.names(aggregate))
            self._counters.release_names(aggregate, counted.names(aggregate) - left)

    async def _finish(self, ids: Collection[str], hashed_id: str, done_through: str = "") -> None:
        """Delete and overwrite the events of each day after ``done_through``, then the ids in the aggregates."""
        sql = "SELECT requested_at FROM erasures WHERE installation_sha256 = ?"
        ((requested_at,),) = await self._aggregates.read(sql, (hashed_id,))
        for day in [day for day in self._directory.days() if day > done_through]:
            for installation_id in ids:
                await self._erase_events(day, installation_id)
            sealed_at = (await self._states.get(day)).sealed_at
            # What was opened to delete from it may have been sealed again since, with what the deleting left.
            if sealed_at is None or sealed_at >= requested_at:
                await scrub(self._directory.segment(day), partial(self._log.appending, day), ids, self._stop)
            await self._change("UPDATE erasing SET done_through = ? WHERE installation_sha256 = ?", day, hashed_id)
        await self._change("UPDATE erasing SET installation_ids = '[]' WHERE installation_sha256 = ?", hashed_id)
        await scrub(self._directory.aggregates, lambda: nullcontext(self._aggregates), ids, self._stop)
        # What an upgrade kept holds the ids too.
        for copy in schema_copies(self._directory.aggregates):
            copy.unlink()
        async with self._aggregates.change() as connection:
            await connection.execute(query("finish_erasure"), (column_time(self._clock.now()), hashed_id))
            await connection.execute("DELETE FROM erasing WHERE installation_sha256 = ?", (hashed_id,))
        await self.load()
        logger.info("an installation was erased")

    async def _change(self, sql: str, *parameters: str) -> None:
        async with self._aggregates.change() as connection:
            await connection.execute(sql, parameters)

    async def _erase_events(self, day: str, installation_id: str) -> None:
        while ids := await asyncio.to_thread(self._ids, day, installation_id):
            check_stop(self._stop)
            async with self._log.appending(day) as segment:
                await segment.erase(ids)

    def _ids(self, day: str, installation_id: str) -> list[int]:
        sql = "SELECT id FROM events WHERE installation_id = ? LIMIT ?"
        with self._reading(day) as segment:
            return [int(row[0]) for row in segment.execute(sql, (installation_id, _ROWS_PER_DELETE))]

    @contextmanager
    def _reading(self, day: str) -> Iterator[sqlite3.Connection]:
        with telling_stop(self._stop), reading(self._directory.segment(day), "segment") as segment:
            segment.set_progress_handler(self._stop.is_set, INSTRUCTIONS_PER_LOOK)
            yield segment

    async def _watermarks(self) -> dict[str, int]:
        states, days = await self._states.all(), self._directory.days()
        return {day: states[day].watermark for day in days if day in states and states[day].retired_at is None}

    @contextmanager
    def _contributions(self, ids: Collection[str]) -> Iterator[Contributions]:
        with self._directory.scratch() as folder:
            yield Contributions(folder, self._directory, ids, self._stop, keys_max=self._keys_max)


def _report(kind: ErasureKind, counted: Contributions, *, dry_run: bool) -> Erased:
    return Erased(kind, dry_run, counted.events_by_day(), counted.rows())
