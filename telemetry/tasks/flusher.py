"""The flusher: flushes every few seconds, later where flushes take long, and early when many counters wait."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress

from telemetry.counting.counters import Counters
from telemetry.errors import ErrorCode
from telemetry.storage.sqlite.errors import storage_error_code

logger = logging.getLogger(__name__)

# With millions of rows, a flush of few counters writes about as many pages as one of many: flush less often.
_SHARE_OF_TIME_MAX = 0.15
# The longest pause in intervals, which bounds the age of the statistics.
_INTERVALS_MAX = 6


def pause_s(interval_s: float, last_flush_s: float) -> float:
    """Return how long to wait after a flush, so that flushes take at most a seventh of the time.

    The pause is never longer than six intervals, however long flushes take.
    """
    wanted = last_flush_s * (1 / _SHARE_OF_TIME_MAX - 1)
    return min(max(interval_s, wanted), interval_s * _INTERVALS_MAX)


class Flusher:
    """Owns the rhythm of flushes. A failed flush is tried again at the next interval, not earlier.

    ``failing`` is why the last flush failed, or None. ``keys_max`` is called after each flush and returns how many
    counters may wait.
    """

    def __init__(
        self,
        flush: Callable[[], Awaitable[None]],
        counters: Counters,
        *,
        interval_s: float,
        keys_max: Callable[[], int],
        monotonic: Callable[[], float],
    ) -> None:
        self.failing: ErrorCode | None = None
        self._flush = flush
        self._counters = counters
        self._interval_s = interval_s
        self._monotonic = monotonic
        self._last_flush_s = 0.0
        self._ask_keys_max = keys_max
        self._keys_max = keys_max()
        self._wake = asyncio.Event()
        self._closing = False

    def consider(self) -> None:
        """Flush early if many counters wait."""
        if self._counters.keys >= self._keys_max and not self.failing:
            self._wake.set()

    async def run(self) -> None:
        """Flush until closed, and once more then; raise as ``flush`` does if that last one fails. Never cancelled."""
        while not self._closing:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause_s(self._interval_s, self._last_flush_s))
            self._wake.clear()
            if not self._closing:
                await self._try()
        # Not in the loop: when closing comes during a flush, what arrived since its start still waits.
        await self._flush()

    async def flush(self) -> None:
        """Flush now; raise ``sqlite3.Error`` or ``OSError`` with nothing lost. Never cancelled."""
        started = self._monotonic()
        try:
            await self._flush()
        except (sqlite3.Error, OSError) as error:
            self.failing, self._last_flush_s = storage_error_code(error), 0.0
            raise
        self.failing, self._last_flush_s = None, self._monotonic() - started
        self._keys_max = self._ask_keys_max()

    def close(self) -> None:
        """Let ``run`` flush a last time and return."""
        self._closing = True
        self._wake.set()

    async def _try(self) -> None:
        try:
            await self.flush()
        except (sqlite3.Error, OSError) as error:
            logger.error("flush failed, nothing is lost, it is tried again", extra={"reason": str(error)})
