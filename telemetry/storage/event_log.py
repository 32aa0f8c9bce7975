"""The event log: every accepted event, in one segment for each UTC day of its receipt."""

import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from itertools import groupby
from operator import attrgetter

from telemetry.counters import Appended, Counters
from telemetry.rows import from_row
from telemetry.storage.aggregates import Aggregates
from telemetry.storage.data_directory import DataDirectory
from telemetry.storage.database import Synchronous
from telemetry.storage.segment import Segment, StoredEvent

logger = logging.getLogger(__name__)

_ROWS_PER_READ = 2_000


class EventLog:
    """Owns the segment files. One of them at a time is open for appending, and all it holds has been counted."""

    def __init__(
        self, directory: DataDirectory, aggregates: Aggregates, counters: Counters, *, synchronous: Synchronous
    ) -> None:
        self.events_missing = 0
        self.events_replayed = 0
        self._directory = directory
        self._aggregates = aggregates
        self._counters = counters
        self._synchronous = synchronous
        self._current: Segment | None = None

    def days(self) -> list[str]:
        """Return the days that have a segment, oldest first."""
        return sorted(path.stem for path in self._directory.events.glob("????-??-??.db"))

    async def enter(self, day: str, after_read: Callable[[], Awaitable[object]] | None = None) -> Segment:
        """Return the open segment of ``day``. Opening it replays what the counters have not seen of it.

        ``after_read`` is awaited after every few thousand replayed events, so that memory stays bounded.
        """
        if self._current is None or self._current.day != day:
            await self.close()
            segment = await Segment.open(self._directory.events / f"{day}.db", synchronous=self._synchronous)
            try:
                await self._skip_missing(segment)
                await self._replay(segment, after_read)
            except BaseException:
                await segment.close()
                raise
            self._current = segment
        return self._current

    async def prove_alive(self) -> None:
        """Return when the thread of the open segment has answered, be it with an error; never while it hangs."""
        if self._current is not None:
            with suppress(sqlite3.Error):
                await self._current.last_id()

    async def newest_first(self) -> AsyncIterator[list[StoredEvent]]:
        """Read back through the log from its newest event, some thousand at a time."""
        for day in reversed(self.days()):
            segment = await self.enter(day)
            before = await segment.last_id() + 1
            while chunk := await segment.read_before(before, _ROWS_PER_READ):
                yield chunk
                before = chunk[-1].id

    async def close(self) -> None:
        """Close the open segment, if any; it is opened again when its day is entered."""
        segment, self._current = self._current, None
        if segment is not None:
            # What was acknowledged is durable; a checkpoint that fails here is made up for at the next opening.
            with suppress(sqlite3.Error):
                await segment.close()

    async def _skip_missing(self, segment: Segment) -> None:
        """Never give out ids again that the aggregates include: a replay would pass over the new events."""
        watermark, last_id = await self._aggregates.watermark(segment.day), await segment.last_id()
        if last_id < watermark:
            missing = watermark - last_id
            self.events_missing += missing
            logger.error("a segment lost events: restore a backup", extra={"day": segment.day, "missing": missing})
            await segment.skip_to(watermark)

    async def _replay(self, segment: Segment, after_read: Callable[[], Awaitable[object]] | None) -> None:
        day, counters = segment.day, self._counters
        counters.labels.restore(day, await self._aggregates.metrics(day))
        position = max(counters.counted(day), await self._aggregates.watermark(day))
        replayed = 0
        while chunk := await segment.read_after(position, _ROWS_PER_READ):
            for received_at, run in groupby(chunk, key=attrgetter("received_at")):
                stored = list(run)
                events = [from_row(event.row) for event in stored]
                counters.add(Appended(day, received_at, [event.id for event in stored], events))
            position = chunk[-1].id
            replayed += len(chunk)
            if after_read is not None:
                await after_read()
        if replayed:
            self.events_replayed += replayed
            logger.info("replayed events", extra={"day": day, "events": replayed})
