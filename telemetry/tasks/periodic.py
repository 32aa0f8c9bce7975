"""What is done again and again beside the requests, with a pause before each time."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress

from telemetry.operator_errors import OperatorError

logger = logging.getLogger(__name__)


class Periodic:
    """Owns the rhythm of one check. A check that fails is done again after the next pause.

    ``timeout`` is that of the clock by which the pauses end.
    """

    def __init__(
        self,
        name: str,
        check: Callable[[], Awaitable[None]],
        *,
        interval_s: float,
        first_s: float | None = None,
        timeout: Callable[[float], float | None] = float,
    ) -> None:
        self._name = name
        self._check = check
        self._interval_s = interval_s
        self._first_s = interval_s if first_s is None else first_s
        self._timeout = timeout
        self._closed = asyncio.Event()

    async def run(self) -> None:
        """Check until closed. Never cancelled: a transaction may be under way."""
        pause_s = self._first_s
        while not self._closed.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), self._timeout(pause_s))
            if not self._closed.is_set():
                await self._try()
            pause_s = self._interval_s

    def close(self) -> None:
        """Let ``run`` return after the check that is under way, if any."""
        self._closed.set()

    async def _try(self) -> None:
        try:
            await self._check()
        except (sqlite3.Error, OperatorError, OSError) as error:
            logger.error("%s failed, it is tried again", self._name, extra={"reason": str(error)})
