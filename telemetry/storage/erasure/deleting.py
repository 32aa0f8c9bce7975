"""Deleting the events of an installation from one day, so that no byte of the segment holds them any more."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from functools import partial

from telemetry.clock import Clock, column_time, day_of
from telemetry.operator_errors import InUseError, StorageFailedError
from telemetry.storage.aggregates.segment_states import SegmentStates
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.log.archive import Archive
from telemetry.storage.log.event_log import EventLog
from telemetry.storage.log.sealing_process import SealingError
from telemetry.storage.sqlite.background import NotNowError
from telemetry.storage.sqlite.reading import reading
from telemetry.storage.sqlite.scrubbing import INSTRUCTIONS_PER_LOOK, check_stop, scrub, telling_stop

# A group that comes meanwhile waits for no more than this to be deleted.
_ROWS_PER_DELETE = 500
# Each try waits two seconds for a reader.
_TRIES = 10
_PAUSE_S = 1.0

_HAS_EVENTS = "SELECT 1 FROM events WHERE installation_id = ? LIMIT 1"
_NEXT = "SELECT id FROM events WHERE installation_id = ? AND id > ? ORDER BY id LIMIT ?"


class EventDeletion:
    """Deletes events. The sealing process does it for a day that is over; today's go a few at a time."""

    def __init__(
        self,
        directory: DataDirectory,
        archive: Archive,
        log: EventLog,
        clock: Clock,
        *,
        flush: Callable[[], Awaitable[None]],
        stop: asyncio.Event,
    ) -> None:
        self._directory = directory
        self._states: SegmentStates = archive.states
        self._archive = archive
        self._log = log
        self._clock = clock
        self._flush = flush
        self._stop = stop

    async def delete(self, day: str, ids: Collection[str], requested_at: str) -> None:
        """Delete the events of a day that are stored under the ids, and overwrite their bytes.

        ``requested_at`` is when that was asked for first. Raises ``InUseError``, ``StorageFailedError``,
        ``StoppedError`` or ``sqlite3.Error``; then it can be done again.
        """
        if not await self._is_needed(day, ids, requested_at):
            return
        today = day_of(column_time(self._clock.now()))
        await self._log.leave_before(today)
        # The day may be reached again while its process is at work.
        if day >= today or not await self._delete_in_process(day, ids):
            await self._delete_here(day, ids)

    @contextmanager
    def reading(self, day: str) -> Iterator[sqlite3.Connection]:
        """Open the segment of a day for reading; raise ``StoppedError`` soon after a stop."""
        with telling_stop(self._stop), reading(self._directory.segment(day), "segment") as segment:
            segment.set_progress_handler(self._stop.is_set, INSTRUCTIONS_PER_LOOK)
            yield segment

    async def _is_needed(self, day: str, ids: Collection[str], requested_at: str) -> bool:
        sealed_at = (await self._states.get(day)).sealed_at
        # A crash may have left only bytes of the rows, and the segment may have been sealed again since.
        if sealed_at is None or sealed_at >= requested_at:
            return True
        return await asyncio.to_thread(self._has_events, day, ids)

    def _has_events(self, day: str, ids: Collection[str]) -> bool:
        with self.reading(day) as segment:
            return any(segment.execute(_HAS_EVENTS, (one,)).fetchone() for one in ids)

    async def _delete_in_process(self, day: str, ids: Collection[str]) -> bool:
        """Return whether the day is sealed without the events; if not, it was needed meanwhile."""
        path, reason = self._directory.segment(day), ""
        for _ in range(_TRIES):
            while self._archive.sealing_pid is not None:
                await self._pause()
            try:
                return await self._seal(day, ids)
            except NotNowError as error:
                reason = str(error)
            except SealingError as error:
                raise StorageFailedError(
                    f"{path} could not be erased from ({error}): mend the cause, and do this again"
                ) from error
            # What is to be erased must be counted first.
            await self._flush()
            await self._pause()
        raise InUseError(f"{path} could not be erased from, {reason}: end what reads it, and do this again")

    async def _seal(self, day: str, ids: Collection[str]) -> bool:
        check_stop(self._stop)
        sealing = asyncio.create_task(self._archive.seal(day, column_time(self._clock.now()), erased=ids))
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait([sealing, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not sealing.done():
            await self._archive.stop_sealing()
        is_sealed = await sealing is not None
        check_stop(self._stop)
        return is_sealed

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), _PAUSE_S)
        check_stop(self._stop)

    async def _delete_here(self, day: str, ids: Collection[str]) -> None:
        for installation_id in ids:
            after = 0
            while found := await asyncio.to_thread(self._next, day, installation_id, after):
                check_stop(self._stop)
                async with self._log.appending(day) as segment:
                    await segment.erase(found)
                after = found[-1]
        await scrub(self._directory.segment(day), partial(self._log.appending, day), ids, self._stop)

    def _next(self, day: str, installation_id: str, after: int) -> list[int]:
        with self.reading(day) as segment:
            return [int(row[0]) for row in segment.execute(_NEXT, (installation_id, after, _ROWS_PER_DELETE))]
