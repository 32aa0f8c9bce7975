"""The flush: what the counters hold goes into the aggregates, or stays in the counters."""

import sqlite3
from typing import Protocol

from telemetry.counting.counters import Counters
from telemetry.counting.deltas import Delta


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
