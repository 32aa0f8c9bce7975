"""Recovery at start: the counters and the duplicate window are brought to where the log ends."""

import logging
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import lru_cache
from itertools import groupby
from operator import itemgetter

from telemetry.catalogue.rows import digest_of, nth_copy
from telemetry.catalogue.stored_ids import IdKey
from telemetry.clock import Clock, column_seconds, column_time
from telemetry.counting.counters import Counters
from telemetry.intake.duplicates import DuplicateWindow
from telemetry.operator_errors import SegmentUnusableError
from telemetry.storage.log.archive import Archive
from telemetry.storage.log.event_log import EventLog
from telemetry.storage.log.replaying import Replay
from telemetry.storage.sqlite.disk_room import is_full

# Saves looking for the next number from 0 each time; the copies of an event are close together in the log.
_COPIED_EVENTS_MAX = 10_000
_EVER = float("-inf")
# An installation's events are close together in the log too.
_STORED_IDS_MAX = 10_000
# Where an event's installation is among the columns that are read.
_INSTALLATION = 4

logger = logging.getLogger(__name__)


async def replay(
    archive: Archive,
    log: EventLog,
    replaying: Replay,
    counters: Counters,
    flush: Callable[[], Awaitable[None]],
    *,
    keys_max: int,
    counter_keys_max: int,
    on_progress: Callable[[], None],
) -> None:
    """Count every event past its segment's watermark, flushing whenever ``keys_max`` counters wait, and at the end.

    A segment that cannot be used is reported and passed over. On a full disk, up to ``counter_keys_max`` counters wait
    in memory; beyond that the error of the flush is raised, and what was counted has to be dropped.
    """
    flushing = _ReplayFlush(counters, flush, keys_max=keys_max, counter_keys_max=counter_keys_max)

    async def flush_if_many() -> None:
        on_progress()
        await flushing.flush_if_many()

    for gone in await archive.missing():
        replaying.report_missing(gone.day, gone.events)
    replaying.after_read = flush_if_many
    for state in await archive.segments():
        # A sealed segment was counted to its end.
        if state.sealed_at is None:
            try:
                await log.enter(state.day)
            except SegmentUnusableError as error:
                logger.error(
                    "a segment cannot be used; its last events are counted at the first start at which it can",
                    extra={"day": state.day, "reason": str(error)},
                )
    replaying.after_read = None
    await flushing.flush_or_wait()


class _ReplayFlush:
    """Flushes during a replay; for want of room counters wait in memory, as many as are allowed."""

    def __init__(
        self, counters: Counters, flush: Callable[[], Awaitable[None]], *, keys_max: int, counter_keys_max: int
    ) -> None:
        self._counters = counters
        self._flush = flush
        self._keys_max = self._next_at = keys_max
        self._counter_keys_max = counter_keys_max

    async def flush_if_many(self) -> None:
        if self._counters.keys >= self._next_at:
            await self.flush_or_wait()
            # A flush costs as much when it fails: while there is no room it is tried a few times only.
            self._next_at = max(self._keys_max, min(2 * self._counters.keys, self._counter_keys_max + 1))

    async def flush_or_wait(self) -> None:
        """Flush; raise ``sqlite3.Error`` or ``OSError`` unless the counters can wait for room."""
        try:
            await self._flush()
        except (sqlite3.Error, OSError) as error:
            if not is_full(error) or self._counters.keys > self._counter_keys_max:
                raise
            logger.error("there is no room for a flush, counters wait in memory", extra={"reason": str(error)})


async def restore_window(
    log: EventLog, window: DuplicateWindow, clock: Clock, id_key: IdKey, *, on_progress: Callable[[], None]
) -> None:
    """Fill the duplicate window, and the resend window behind it, from the log, oldest event first.

    The copies of an event are numbered over what is read, as they were when they were accepted. An id that was stored
    before ids were hashed is taken for what it is stored as today: so its events are recognised when they come again.
    """
    stored_once = lru_cache(_STORED_IDS_MAX)(id_key.stored_once)
    now, monotonic = clock.now(), clock.monotonic()
    since = column_time(max(0.0, now - max(window.seconds, window.older.seconds)))
    numbering = _Numbering(window)
    async with aclosing(log.newest(max(window.events_max, window.older.events_max), since)) as chunks:
        async for chunk in chunks:
            for received_at, group in groupby(chunk, key=itemgetter(1)):
                # When the clock was ahead, events seem to come from the future: the window must not run ahead too.
                accepted_at = monotonic - max(0.0, now - column_seconds(received_at))
                together = list(group)
                installations = [stored_once(event[_INSTALLATION]) for event in together]
                firsts = [
                    digest_of((kind, timestamp, installation, payload))
                    for (_, _, kind, timestamp, _, payload), installation in zip(together, installations, strict=True)
                ]
                digests = numbering.number(firsts, installations)
                window.recover(digests, installations, accepted_at, monotonic)
            on_progress()


class _Numbering:
    """Gives the copies of an event the numbers that follow those in the windows."""

    def __init__(self, window: DuplicateWindow) -> None:
        self._window = window
        self._next: dict[int, int] = {}

    def number(self, digests: list[int], installations: list[str]) -> list[int]:
        """Return the digests of a group, which are those of first copies, with the number that each event had."""
        known = self._window.known(digests, lambda: installations, _EVER)
        if not known and len(set(digests)) == len(digests):
            return digests
        if len(self._next) > _COPIED_EVENTS_MAX:
            self._next.clear()
        numbered: dict[int, None] = {}
        for first, installation in zip(digests, installations, strict=True):
            number = self._next.get(first, 0)
            while (copy := nth_copy(first, number)) in numbered or self._is_known(copy, installation):
                number += 1
            numbered[copy] = None
            if number:
                self._next[first] = number + 1
        return list(numbered)

    def _is_known(self, digest: int, installation: str) -> bool:
        return bool(self._window.known([digest], lambda: [installation], _EVER))
