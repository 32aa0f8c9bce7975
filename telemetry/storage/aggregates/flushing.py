"""The flush: what the counters hold goes into the aggregates, or stays in the counters."""

import sqlite3
from typing import Protocol

from telemetry.counting.counters import Counters
from telemetry.counting.deltas import Delta

# In a file of this size each counter of a usual flush writes a page of its own. In larger flushes, counters share them.
_LARGE_BYTES = 100_000_000
# Counters that wait during a flush take memory a second time: some 360 bytes each.
_GROWTH_MAX = 2.5


class Adding(Protocol):
    """What takes deltas: ``Aggregates``, or what changes them on their way there."""

    async def add(self, delta: Delta) -> None:
        """Add a delta; raise ``sqlite3.Error`` with nothing changed."""


async def flush_counters(counters: Counters, aggregates: Adding) -> bool:
    """Move everything counted so far into the aggregates in one transaction; return whether there was anything.

    Raises ``sqlite3.Error`` or ``OSError`` with the counters as they were. Must not be cancelled.
    """
    delta = counters.drain()
    if not delta:
        return False
    try:
        await aggregates.add(delta)
    except (sqlite3.Error, OSError):
        counters.merge(delta)
        raise
    return True


def counters_per_flush(keys_max: int, counter_keys_max: int, aggregates_bytes: int) -> int:
    """Return how many counters may wait before they are flushed early.

    The number is ``keys_max`` up to a file of 100 MB and grows to two and a half times that at 250 MB. It is never more
    than half of ``counter_keys_max``, beyond which events are refused.
    """
    grown = round(keys_max * min(max(aggregates_bytes / _LARGE_BYTES, 1.0), _GROWTH_MAX))
    return max(keys_max, min(grown, counter_keys_max // 2))
