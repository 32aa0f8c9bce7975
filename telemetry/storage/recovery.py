"""Recovery at start: the counters and the duplicate window are brought to where the log ends."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import aclosing
from itertools import groupby, takewhile
from operator import attrgetter

from telemetry.clock import Clock, column_seconds, column_time
from telemetry.counters import Counters
from telemetry.duplicates import DuplicateWindow
from telemetry.storage.archive import Archive
from telemetry.storage.event_log import EventLog
from telemetry.storage.segment import StoredEvent

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
    """Count every event past its segment's watermark, flushing whenever ``keys_max`` counters wait, and at the end."""

    async def flush_if_many() -> None:
        on_progress()
        if counters.keys >= keys_max:
            await flush()

    for state in await archive.segments():
        # A sealed segment was counted to its end.
        if state.sealed_at is None:
            await log.enter(state.day, after_read=flush_if_many)
    await flush()


async def restore_window(log: EventLog, window: DuplicateWindow, clock: Clock) -> None:
    """Fill the duplicate window by reading back from the newest event."""
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
    for received_at, digests in reversed(recent):
        # What the clock, when it was ahead, says to come is as recent as can be: the window must not run ahead too.
        window.remember(digests, monotonic - max(0.0, now - column_seconds(received_at)))


def _digests_by_time(events: Iterable[StoredEvent]) -> Iterator[tuple[str, list[int]]]:
    # The events themselves would fill hundreds of megabytes.
    for received_at, group in groupby(events, key=attrgetter("received_at")):
        yield received_at, [stored.row.digest() for stored in group]
