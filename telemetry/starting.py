"""Starting on a full disk: the last statistics are served, events are refused, and the start is tried again."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path

from telemetry.clock import Clock, instant
from telemetry.errors import ErrorCode, Refusal
from telemetry.intake.ledger import Ledger
from telemetry.operator_errors import OperatorError
from telemetry.published.benchmark_reader import BenchmarkNumbers
from telemetry.published.closed_days import ClosedDays, closed_days, public_stats
from telemetry.published.live import events_statement, live_statements, live_stats
from telemetry.published.publisher import Document, document
from telemetry.running import Running
from telemetry.storage.aggregates.loss import reading_aggregates
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.sqlite.disk_room import fullness
from telemetry.storage.sqlite.reading import last_written, reading_alone

logger = logging.getLogger(__name__)

# A try may replay millions of events before it meets the full disk: at most a third of the time goes into tries.
_PAUSE_MIN_S = 1.0
_PAUSE_MAX_S = 60.0
_PAUSE_OVER_TRY = 2.0


class ServiceWithoutRoom:
    """What the web asks while there is no room to start: it refuses events, and has the last statistics if any."""

    def __init__(self, directory: DataDirectory, clock: Clock, closed: ClosedDays | None) -> None:
        self.ledger = Ledger()
        self._directory = directory
        self._closed = closed
        self._clock = clock
        self._stats: Document | None = None

    async def accept(self, _body: bytes, **_of_the_request: object) -> bytes:
        """Raise ``Refusal``."""
        raise Refusal(ErrorCode.STORAGE_FULL)

    async def accept_feedback(self, _body: bytes, _source: object, **_of_the_request: object) -> bytes:
        """Raise ``Refusal``."""
        raise Refusal(ErrorCode.STORAGE_FULL)

    async def benchmarks(self) -> BenchmarkNumbers:
        """Raise ``Refusal``."""
        raise Refusal(ErrorCode.STORAGE_FULL)

    def stats(self) -> Document:
        """Return the statistics as of the last flush; raise ``Refusal`` if they cannot be read."""
        if self._stats is None:
            raise Refusal(ErrorCode.STORAGE_FULL)
        return self._stats

    def failing(self) -> ErrorCode | None:
        """Return that storage is full."""
        return ErrorCode.STORAGE_FULL

    async def read_stats(self) -> None:
        """Read the statistics for today from the files, which no process has open."""
        try:
            self._stats = await asyncio.to_thread(self._read)
        except (sqlite3.Error, OperatorError, OSError) as error:
            logger.warning("the last statistics cannot be read", extra={"reason": str(error)})

    def _read(self) -> Document:
        as_of = last_written(self._directory.aggregates) / 1e9
        try:
            with reading_aggregates(self._directory) as connection:
                return self._document(connection, as_of)
        except OperatorError:
            # The lock keeps out other readers, so it is taken only where the usual way of reading fails.
            with self._directory.locked(), reading_alone(self._directory.aggregates) as connection:
                return self._document(connection, as_of)

    def _document(self, connection: sqlite3.Connection, as_of: float) -> Document:
        now = self._clock.now()
        today = instant(now).date()
        connection.execute("BEGIN")
        if self._closed is None:
            metrics, active = live_statements(today)
            stats = live_stats(connection.execute(*metrics), connection.execute(*active))
        else:
            stats = public_stats(connection.execute(*events_statement(today)), self._closed.numbers())
        return document(stats, generated_at=now, as_of=as_of)


async def start_when_there_is_room(
    start: Callable[[], AbstractAsyncContextManager[Running]],
    stack: AsyncExitStack,
    data_dir: Path,
    clock: Clock,
    *,
    environment: str,
    stand_in: Callable[[ServiceWithoutRoom], Awaitable[None]],
    stop: asyncio.Event,
) -> Running | None:
    """Enter what ``start`` returns, again and again while the disk is full; return None if stopped before that.

    ``stand_in`` is awaited with what can be served until then. Raises whatever else keeps the service from starting.
    """
    directory, standing_in = DataDirectory(data_dir), None
    while True:
        began_at = clock.monotonic()
        try:
            return await stack.enter_async_context(start())
        except (OperatorError, sqlite3.Error, OSError) as error:
            full = fullness(error, directory.aggregates, directory.events)
            if full is None:
                raise
            logger.error("there is no room to start, it is tried again", extra={"reason": str(full)})
        pause_s = max(_PAUSE_MIN_S, min(_PAUSE_OVER_TRY * (clock.monotonic() - began_at), _PAUSE_MAX_S))
        if standing_in is None:
            closed = closed_days(directory.published, environment=environment)
            standing_in = ServiceWithoutRoom(directory, clock, closed)
            await standing_in.read_stats()
            await stand_in(standing_in)
        else:
            await standing_in.read_stats()
        try:
            await asyncio.wait_for(stop.wait(), pause_s)
        except TimeoutError:
            continue
        return None
