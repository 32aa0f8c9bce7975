"""The publisher: moves counters into the aggregates, and keeps the public statistics that follow from them."""

import asyncio
import hashlib
import sqlite3
from dataclasses import dataclass, replace
from datetime import date

import msgspec
import orjson

from telemetry.clock import Clock, instant
from telemetry.counting.counters import Counters
from telemetry.histogram import Histogram
from telemetry.published.closed_days import ClosedDays, Stamp, public_stats
from telemetry.published.live import Stats, events_statement, live_statements, live_stats, total_of
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.aggregates.flushing import flush_counters


@dataclass(frozen=True, slots=True)
class Document:
    """An answer that stays the same until the next flush; ``etag`` names its content, whenever it was made.

    ``events_today`` are the events of the present UTC day, None if they are not known.
    """

    body: bytes = b""
    etag: str = ""
    events_today: int | None = None


class Publisher:
    """Owns the published statistics. They are as old as the last flush; while nothing changes, only their times do.

    Without ``closed`` days everything in them is live.
    """

    def __init__(
        self, counters: Counters, aggregates: Aggregates, clock: Clock, closed: ClosedDays | None = None
    ) -> None:
        self.stats = Document()
        self.flush_seconds = Histogram(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
        self.publish_seconds = Histogram(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)
        self.flush_failures = 0
        self.flushed_at = clock.monotonic()
        self._counters = counters
        self._aggregates = aggregates
        self._clock = clock
        self._closed = closed
        self._flushing = asyncio.Lock()
        self._stats: Stats | None = None
        # The day that the published statistics end with, the changes of the aggregates that they include, and the file
        # of public numbers that they are from.
        self._published: tuple[date, int, Stamp | None] | None = None

    async def flush(self) -> None:
        """Flush, and publish if that changed anything; raise ``sqlite3.Error`` or ``OSError`` with nothing lost."""
        try:
            # One at a time: watermarks must not pass what an earlier flush has drained and then failed to store.
            async with self._flushing:
                await self._flush()
        except (sqlite3.Error, OSError):
            self.flush_failures += 1
            raise
        self.flushed_at = self._clock.monotonic()

    async def _flush(self) -> None:
        as_of, started = self._clock.now(), self._clock.monotonic()
        today = instant(as_of).date()
        try:
            if await flush_counters(self._counters, self._aggregates):
                self.flush_seconds.observe(self._clock.monotonic() - started)
        except (sqlite3.Error, OSError):
            if self._published is None:
                # At a start on a full disk readers see what was flushed before it.
                await self._publish(self._aggregates.written_at, today)
            raise
        current = (today, self._aggregates.changes, self._closed.stamp() if self._closed is not None else None)
        if current != self._published:
            await self._publish(as_of, today)
            self._published = current
        elif self._stats is not None:
            # Nothing has come since: what is published is true of this moment too.
            made = document(self._stats, generated_at=self._clock.now(), as_of=as_of)
            self.stats = replace(made, events_today=self.stats.events_today)

    async def _publish(self, as_of: float, today: date) -> None:
        started = self._clock.monotonic()
        stats = self._stats = await self._read(today)
        events_today = total_of(await self._aggregates.read(*events_statement(today, days=1)))
        made = document(stats, generated_at=self._clock.now(), as_of=as_of)
        self.stats = replace(made, events_today=events_today)
        self.publish_seconds.observe(self._clock.monotonic() - started)

    async def _read(self, today: date) -> Stats:
        if self._closed is None:
            metrics, active = live_statements(today)
            return live_stats(await self._aggregates.read(*metrics), await self._aggregates.read(*active))
        sums = await self._aggregates.read(*events_statement(today))
        return public_stats(((str(row[0]), int(row[1])) for row in sums), await asyncio.to_thread(self._closed.numbers))


def document(stats: Stats, *, generated_at: float, as_of: float) -> Document:
    """Return the public answer; the times are Unix seconds."""
    etag = hashlib.sha256(msgspec.json.encode(stats)).hexdigest()[:16]
    body = orjson.dumps(stats.document(generated_at=generated_at, as_of=as_of))
    return Document(body, f'"{etag}"')
