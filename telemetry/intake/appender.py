"""The appender: requests that arrive together share one transaction (group commit), and duplicates are set aside.

One task, which nothing cancels, commits a group while the next one fills. What is durable is counted in commit order,
each group while the thread that writes is at work on the next, so that neither waits for the other.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass

from telemetry.catalogue.batches import Batch
from telemetry.clock import Clock, column_time, day_of
from telemetry.counting.counters import Appended, Counters
from telemetry.errors import ErrorCode, Refusal
from telemetry.intake.duplicates import DuplicateWindow
from telemetry.intake.groups import GROUP_EVENTS_MAX, Group, GroupQueue
from telemetry.intake.ledger import Ledger
from telemetry.intake.receipts import outcome
from telemetry.operator_errors import OperatorError
from telemetry.storage.log.event_log import EventLog
from telemetry.storage.sqlite.errors import storage_error_code

logger = logging.getLogger(__name__)

PROBE_INTERVAL_S = 1.0


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How much may wait before new batches are refused: for its commit, and counted for the next flush."""

    events_max: int
    bytes_max: int
    counter_keys_max: int


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
        file_is_lost: Callable[[], bool],
        flush_failing: Callable[[], ErrorCode | None],
        on_counted: Callable[[], None],
    ) -> None:
        self._log = log
        self._counters = counters
        self._window = window
        self._clock = clock
        self._limits = limits
        self._ledger = ledger
        self._disk_is_full = disk_is_full
        self._file_is_lost = file_is_lost
        self._flush_failing = flush_failing
        self._on_counted = on_counted
        self._queue = GroupQueue()
        # Its transaction has ended; it is not counted yet, and has not left the queue.
        self._unfinished: Group | None = None
        self._filled = asyncio.Event()
        self._closing = False
        self._failed_with: ErrorCode | None = None
        self._proof: asyncio.Future[None] | None = None

    @property
    def failing(self) -> ErrorCode | None:
        """Why events cannot be stored at present, or None; without room for a flush they soon cannot be."""
        if self._disk_is_full() or self._flush_failing() == ErrorCode.STORAGE_FULL:
            return ErrorCode.STORAGE_FULL
        if self._file_is_lost():
            return ErrorCode.STORAGE_ERROR
        if self._counters.keys > self._limits.counter_keys_max:
            return ErrorCode.STORAGE_ERROR
        return self._failed_with

    @property
    def queued(self) -> tuple[int, int]:
        """How many events wait for their commit, and the bytes of their bodies."""
        return len(self._queue), self._queue.bytes

    @property
    def part_events_max(self) -> int:
        """How many events of a large batch are appended at once: others wait for no longer than with a full group."""
        # They must find room in a queue that others use too.
        return max(1, min(GROUP_EVENTS_MAX, self._limits.events_max // 2))

    def append(self, batch: Batch, body_bytes: int) -> list[Group]:
        """Queue what is new; return the groups that decide whether every event of the batch is durable.

        Raises ``Refusal`` if there is no room.
        """
        self._check_room(len(batch.rows), body_bytes)
        now = self._clock.monotonic()
        self._window.forget(now)
        known = self._window.known(batch.digests, batch.installations, now - (self._clock.now() - batch.occurred_from))
        if not known and self._queue.digests.isdisjoint(batch.digests):
            # Nearly every batch is new; queuing it as a whole costs a fifth.
            deciding = [self._queue.put(batch.events, batch.rows, batch.digests, body_bytes)]
        else:
            deciding = self._put_new(batch, known, body_bytes)
        if self._queue:
            self._filled.set()
        return deciding

    async def settle(self) -> None:
        """Return when everything that waits now has been stored and counted, or refused."""
        for group in self._queue.groups:
            await outcome([group])

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
            while self._queue or not self._closing:
                if not self._queue:
                    await self._wait()
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

    def _put_new(self, batch: Batch, known: Collection[int], body_bytes: int) -> list[Group]:
        """Look at events one by one and queue the new ones; return the groups that decide whether all are durable."""
        deciding: set[Group] = set()
        new = []
        for index, digest in enumerate(batch.digests):
            if digest in known:
                self._ledger.duplicate += 1
            elif (group := self._queue.find(digest)) is not None:
                deciding.add(group)
                group.duplicates += 1
            else:
                new.append(index)
        if new:
            events, rows = [batch.events[at] for at in new], [batch.rows[at] for at in new]
            deciding.add(self._queue.put(events, rows, [batch.digests[at] for at in new], body_bytes))
        elif deciding:
            self._queue.charge(next(iter(deciding)), body_bytes)
        return list(deciding)

    def _check_room(self, events: int, body_bytes: int) -> None:
        limits = self._limits
        if (
            self._closing
            or self._disk_is_full()
            or self._file_is_lost()
            or len(self._queue) + events > limits.events_max
            or self._queue.bytes + body_bytes > limits.bytes_max
            or self._counters.keys > limits.counter_keys_max
        ):
            self._ledger.shed += events
            raise Refusal(self.failing or ErrorCode.BUSY)

    async def _wait(self) -> None:
        """Return when there is something to do; storage that fails is probed after a while."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._filled.wait(), PROBE_INTERVAL_S if self._failed_with else None)

    async def _commit_or_probe(self) -> None:
        if self._queue:
            await self._commit()
        elif self._failed_with:
            await self._probe()
        elif self._proof is not None:
            await self._log.prove_alive()

    async def _commit(self) -> None:
        """Store the next group. The one before it, if it is not counted yet, is counted at the same time."""
        group = self._queue.take()
        if self._unfinished is None:
            await self._store(group)
        else:
            await self._store_and_count(group)
        self._unfinished = group
        if not self._queue:
            self._finish()

    async def _store_and_count(self, group: Group) -> None:
        storing = asyncio.create_task(self._store(group))
        try:
            # One turn of the loop, in which the thread that writes is given its work.
            await asyncio.sleep(0)
            self._finish()
        except BaseException:
            # A group may be half counted, which no flush may see.
            self._counters.abandon()
            raise
        finally:
            await storing

    async def _store(self, group: Group) -> None:
        received_at = column_time(self._clock.now())
        try:
            async with self._log.appending(day_of(received_at)) as segment:
                started = self._clock.monotonic()
                ids = await segment.append(group.rows, received_at)
                group.seconds = self._clock.monotonic() - started
                group.appended = Appended(segment.day, received_at, ids, group.events)
        except (sqlite3.Error, OperatorError, OSError) as error:
            group.failure = _reported(error)
        self._failed_with = group.failure

    def _finish(self) -> None:
        """Count the group whose transaction has ended, if there is one, and tell those who wait for it."""
        group, self._unfinished = self._unfinished, None
        if group is None:
            return
        self._enter(group)
        if group.appended is not None:
            installations = [row.installation_id for row in group.rows]
            self._window.remember(group.digests, installations, self._clock.monotonic())
            self._counters.add(group.appended)
        self._queue.leave(group)
        group.settle()
        self._on_counted()

    def _settle_proof(self) -> None:
        proof, self._proof = self._proof, None
        if proof is not None:
            proof.set_result(None)

    async def _probe(self) -> None:
        try:
            async with self._log.appending(day_of(column_time(self._clock.now()))) as segment:
                await segment.probe()
        except (sqlite3.Error, OperatorError, OSError) as error:
            self._failed_with = _reported(error)
        else:
            self._failed_with = None

    def _give_up(self) -> None:
        self._closing = True
        self._failed_with = ErrorCode.STORAGE_ERROR
        self._counters.abandon()
        ended, self._unfinished = self._unfinished, None
        if ended is not None:
            self._enter(ended)
        for group in self._queue.groups:
            if group.appended is None and group is not ended:
                self._enter(group)
            group.failure = ErrorCode.STORAGE_ERROR
            group.settle()

    def _enter(self, group: Group) -> None:
        if group.appended is None:
            self._ledger.shed += len(group.rows) + group.duplicates
        else:
            self._ledger.commit(len(group.rows), group.duplicates, group.seconds)


def _reported(error: sqlite3.Error | OperatorError | OSError) -> ErrorCode:
    code = storage_error_code(error)
    logger.error("append failed, its batches were refused", extra={"code": code, "reason": str(error)})
    return code
