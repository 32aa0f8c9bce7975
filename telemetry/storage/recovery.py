"""Recovery at start: the counters and the duplicate window are brought to where the log ends."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import aclosing
from itertools import groupby, takewhile
from operator import attrgetter

from telemetry.clock import Clock, column_seconds, column_time
from telemetry.counters import Counters
from telemetry.duplicates import DuplicateWindow
from telemetry.errors import SegmentUnusableError
from telemetry.rows import nth_copy
from telemetry.storage.archive import Archive
from telemetry.storage.event_log import EventLog
from telemetry.storage.segment import StoredEvent

# Saves looking for the next number from 0 each time; the copies of an event are close together in the log.
_COPIED_EVENTS_MAX = 10_000

logger = logging.getLogger(__name__)


async def replay(
    archive: Archive,
    log: EventLog,
    counters: Counters,
    flush: Callable[[], Awaitable[None]],
    *,
    keys_max: int,
    on_progress: Callable[[], None],
) -> None:
    """Count every event past its segment's watermark, flushing whenever ``keys_max`` counters wait, and at the end.

    A segment that cannot be used is reported and passed over.
    """

    async def flush_if_many() -> None:
        on_progress()
        if counters.keys >= keys_max:
            await flush()

    for state in await archive.segments():
        # A sealed segment was counted to its end.
        if state.sealed_at is None:
            try:
                await log.enter(state.day, after_read=flush_if_many)
            except SegmentUnusableError as error:
                logger.error(
                    "a segment cannot be used; its last events are counted at the first start at which it can",
                    extra={"day": state.day, "reason": str(error)},
                )
    await flush()


async def restore_window(log: EventLog, window: DuplicateWindow, clock: Clock) -> None:
    """Fill the duplicate window by reading back from the newest event.

    The copies of an event are numbered over what is read, oldest first, as they were when they were accepted.
    """
    now, monotonic = clock.now(), clock.monotonic()
    oldest = column_time(now - window.seconds)
    recent: list[tuple[str, list[int]]] = []
    events = 0
    async with aclosing(log.newest_first()) as chunks:
        async for chunk in chunks:
            wanted = chunk[: window.events_max - events]
            recent += _digests_by_time(takewhile(lambda stored: stored.received_at >= oldest, wanted))
            events += len(chunk)
            if events >= window.events_max or chunk[-1].received_at < oldest:
                break
    numbering = _Numbering(window)
    for received_at, digests in reversed(recent):
        # What the clock, when it was ahead, says to come is as recent as can be: the window must not run ahead too.
        accepted_at = monotonic - max(0.0, now - column_seconds(received_at))
        window.remember(numbering.number(digests[::-1]), accepted_at)


class _Numbering:
    """Gives the copies of an event the numbers that follow those in the window."""

    def __init__(self, window: DuplicateWindow) -> None:
        self._window = window
        self._next: dict[int, int] = {}

    def number(self, digests: list[int]) -> list[int]:
        """Return the digests of a group, which are those of first copies, with the number that each event had."""
        if len(set(digests)) == len(digests) and self._window.isdisjoint(digests):
            return digests
        if len(self._next) > _COPIED_EVENTS_MAX:
            self._next.clear()
        numbered: dict[int, None] = {}
        for first in digests:
            number = self._next.get(first, 0)
            while (copy := nth_copy(first, number)) in numbered or copy in self._window:
                number += 1
            numbered[copy] = None
            if number:
                self._next[first] = number + 1
        return list(numbered)


def _digests_by_time(events: Iterable[StoredEvent]) -> Iterator[tuple[str, list[int]]]:
    # The events themselves would fill hundreds of megabytes.
    for received_at, group in groupby(events, key=attrgetter("received_at")):
        yield received_at, [stored.row.digest() for stored in group]
