"""The flush: what the counters hold goes into the aggregates, or stays in the counters."""

import sqlite3

from telemetry.counters import Counters
from telemetry.storage.aggregates import Aggregates


async def flush(counters: Counters, aggregates: Aggregates) -> bool:
    """Move everything counted so far into the aggregates in one transaction; return whether there was anything.

    Raises ``sqlite3.Error`` with the counters as they were. Must not be cancelled.
    """
    delta = counters.drain()
    if not delta:
        return False
    try:
        await aggregates.add(delta)
    except sqlite3.Error:
        counters.merge(delta)
        raise
    return True
