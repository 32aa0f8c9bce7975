"""The appender: requests that arrive together share one transaction (group commit), and duplicates are set aside.

One task, which nothing cancels, commits a group while the next one fills. What is durable is counted in commit order
before anything else happens, so the counters neither miss nor repeat an event.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from telemetry.clock import Clock, column_time, day_of
from telemetry.counters import Appended, Counters
from telemetry.duplicates import DuplicateWindow
from telemetry.errors import DataDamagedError, ErrorCode, Refusal
from telemetry.events import AnyEvent
from telemetry.ledger import Ledger
from telemetry.rows import Row
from telemetry.storage.database import storage_error_code
from telemetry.storage.event_log import EventLog
from telemetry.wire import Batch

logger = logging.getLogger(__name__)

PROBE_INTERVAL_S = 1.0


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How much may wait before new batches are refused: for its commit, and counted for the next flush."""

    events_max: int
    bytes_max: int
    counter_keys_max: int


@dataclass(slots=True, eq=False)
class Group:
    """Events that share one transaction, and the requests that wait for it."""

    events: list[AnyEvent] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    digests: list[int] = field(default_factory=list)
    bytes: int = 0
    duplicates: int = 0
    stored: bool = False
    _waiting: list[asyncio.Future[ErrorCode | None]] = field(default_factory=list)

    def take(self, events: list[AnyEvent], rows: list[Row], digests: list[int]) -> None:
        """Put events into the group."""
        self.events += events
        self.rows += rows
        self.digests += digests

    def outcome(self) -> asyncio.Future[ErrorCode | None]:
        """Return what becomes None once the events are durable, or why none of them is."""
        # A future for each request: one that gives up cancels its own and nobody else's.
        waiting: asyncio.Future[ErrorCode | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        return waiting

    def settle(self, outcome: ErrorCode | None) -> None:
        """Tell every request that waits."""
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(outcome)


class Appender:
    """Makes batches durable, once each, and counts them. ``run`` is its task; ``close`` ends it when all is stored."""

    def __init__(
        self,
        *,
        log: EventLog,
        counters: Counters,
        window: DuplicateWindow,
        clock: Clock,
        limits: QueueLimits,
        ledger: Ledger,
        disk_is_full: Callable[[], bool],
        on_counted: Callable[[], None],
    ) -> None:
        self._log = log
        self._counters = counters
        self._window = window
        self._clock = clock
        self._limits = limits
        self._ledger = ledger
        self._disk_is_full = disk_is_full
        self._on_counted = on_counted
        self._filling = Group()
        self._appending: dict[int, Group] = {}
        self._waiting_bytes = 0
        self._filled = asyncio.Event()
        self._closing = False
        self._failed_with: ErrorCode | None = None
        self._proof: asyncio.Future[None] | None = None

    @property
    def failing(self) -> ErrorCode | None:
        """Why events cannot be stored at present, or None."""
        if self._disk_is_full():
            return ErrorCode.STORAGE_FULL
        if self._counters.keys > self._limits.counter_keys_max:
            return ErrorCode.STORAGE_ERROR
        return self._failed_with

    @property
    def queued(self) -> tuple[int, int]:
        """How many events wait for their commit, and the bytes of their bodies."""
        return len(self._appending), self._waiting_bytes

    async def append(self, batch: Batch, body_bytes: int) -> None:
        """Return when every event of the batch is durable; raise ``Refusal`` if some are not."""
        for outcome in [group.outcome() for group in self._join(batch, body_bytes)]:
            if code := await outcome:
                raise Refusal(code)

    async def settle(self) -> None:
        """Return when everything that waits now has been stored and counted, or refused."""
        for group in {self._filling, *self._appending.values()}:
            if group.rows:
                await group.outcome()

    async def prove_alive(self) -> None:
        """Return when ``run`` has come round and the thread that writes has answered, be it with an error.

        Never returns while one of them hangs. One task at a time asks.
        """
        if not self._closing:
            self._proof = asyncio.get_running_loop().create_future()
            self._filled.set()
            await self._proof

    async def run(self) -> None:
        """Commit groups until closed. An error nobody expected ends it, and with it the service."""
        try:
            while not (self._closing and not self._filling.rows):
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._filled.wait(), PROBE_INTERVAL_S if self._failed_with else None)
                self._filled.clear()
                await self._commit_or_probe()
                self._settle_proof()
        except BaseException:
            self._give_up()
            raise
        finally:
            self._settle_proof()

    def close(self) -> None:
        """Let ``run`` return once everything that waits is stored; nothing more is taken."""
        self._closing = True
        self._filled.set()

    def _join(self, batch: Batch, body_bytes: int) -> set[Group]:
        """Put what is new into the filling group; return the groups that decide whether the batch is durable."""
        self._check_room(len(batch.rows), body_bytes)
        self._window.forget(self._clock.monotonic())
        filling = self._filling
        digests = [row.digest() for row in batch.rows]
        if self._are_new(digests):
            # As nearly every batch is: taken as a whole it costs a fifth.
            filling.take(batch.events, batch.rows, digests)
            self._appending.update(dict.fromkeys(digests, filling))
            deciding = {filling}
        else:
            deciding = self._take_new(filling, batch, digests)
        if filling in deciding:
            filling.bytes += body_bytes
            self._waiting_bytes += body_bytes
            self._filled.set()
        return deciding

    def _are_new(self, digests: list[int]) -> bool:
        """Tell whether no event is in the window, in a group or twice in its batch."""
        distinct = set(digests)
        return (
            len(distinct) == len(digests)
            and self._window.isdisjoint(distinct)
            and self._appending.keys().isdisjoint(distinct)
        )

    def _take_new(self, filling: Group, batch: Batch, digests: list[int]) -> set[Group]:
        """Take the new events one by one; return the groups that decide whether all are durable."""
        deciding = set()
        for event, row, digest in zip(batch.events, batch.rows, digests, strict=True):
            if digest in self._window:
                self._ledger.duplicate += 1
                continue
            group = self._appending.get(digest)
            deciding.add(group or filling)
            if group is not None:
                group.duplicates += 1
                continue
            self._appending[digest] = filling
            filling.take([event], [row], [digest])
        return deciding

    def _check_room(self, events: int, body_bytes: int) -> None:
        limits = self._limits
        if (
            self._closing
            or self._disk_is_full()
            or len(self._appending) + events > limits.events_max
            or self._waiting_bytes + body_bytes > limits.bytes_max
            or self._counters.keys > limits.counter_keys_max
        ):
            self._ledger.shed += events
            raise Refusal(self.failing or ErrorCode.BUSY)

    async def _commit_or_probe(self) -> None:
        if self._filling.rows:
            group, self._filling = self._filling, Group()
            await self._commit(group)
        elif self._failed_with:
            await self._probe()
        elif self._proof is not None:
            await self._log.prove_alive()

    async def _commit(self, group: Group) -> None:
        outcome: ErrorCode | None = None
        try:
            await self._store(group)
        except (sqlite3.Error, DataDamagedError) as error:
            outcome = _reported(error)
            self._shed(group)
        self._failed_with = outcome
        for digest in group.digests:
            del self._appending[digest]
        self._waiting_bytes -= group.bytes
        group.settle(outcome)

    async def _store(self, group: Group) -> None:
        received_at = column_time(self._clock.now())
        async with self._log.appending(day_of(received_at)) as segment:
            started = self._clock.monotonic()
            ids = await segment.append(group.rows, received_at)
            group.stored = True
            self._ledger.commit(len(ids), group.duplicates, self._clock.monotonic() - started)
            self._window.remember(group.digests, self._clock.monotonic())
            self._counters.add(Appended(segment.day, received_at, ids, group.events))
        self._on_counted()

    def _settle_proof(self) -> None:
        proof, self._proof = self._proof, None
        if proof is not None:
            proof.set_result(None)

    async def _probe(self) -> None:
        try:
            async with self._log.appending(day_of(column_time(self._clock.now()))) as segment:
                await segment.probe()
        except (sqlite3.Error, DataDamagedError) as error:
            self._failed_with = _reported(error)
        else:
            self._failed_with = None

    def _give_up(self) -> None:
        self._closing = True
        self._failed_with = ErrorCode.STORAGE_ERROR
        # A group may be half counted. What is dropped here is replayed from the log at the next start, exactly.
        self._counters.drain()
        for group in {self._filling, *self._appending.values()}:
            if not group.stored:
                self._shed(group)
            group.settle(ErrorCode.STORAGE_ERROR)

    def _shed(self, group: Group) -> None:
        self._ledger.shed += len(group.rows) + group.duplicates


def _reported(error: sqlite3.Error | DataDamagedError) -> ErrorCode:
    code = storage_error_code(error) if isinstance(error, sqlite3.Error) else ErrorCode.STORAGE_ERROR
    logger.error("append failed, its batches were refused", extra={"code": code, "reason": str(error)})
    return code
