"""The watchdog: tells the service manager that the service lives, for as long as what writes proves it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from telemetry.errors import ErrorCode
from telemetry.systemd import Notifier

_INTERVAL_S = 10.0


class Watchdog:
    """Asks for every proof of life, then tells that the service is ready, and so on; without proof nothing is told.

    Storage that fails is told, and heals by itself or needs a person. A thread that hangs is for the manager, which
    restarts the service.
    """

    def __init__(
        self,
        notifier: Notifier,
        proofs: Sequence[Callable[[], Awaitable[object]]],
        failing: Callable[[], ErrorCode | None],
    ) -> None:
        self._notifier = notifier
        self._proofs = proofs
        self._failing = failing
        within_s = notifier.watchdog_interval_s
        self._interval_s = within_s / 3 if within_s else _INTERVAL_S
        self._closing = asyncio.Event()

    async def run(self) -> None:
        """Prove and tell until closed. Never cancelled: a proof is a statement on a connection."""
        while not self._closing.is_set():
            for prove in self._proofs:
                await prove()
            if self._closing.is_set():
                return
            # Said every time: a manager that was too busy the first time would wait for it in vain.
            code = self._failing()
            self._notifier.tell(READY=1, WATCHDOG=1, STATUS=f"failing: {code}" if code else "accepting events")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), self._interval_s)

    def close(self) -> None:
        """Let ``run`` return."""
        self._closing.set()
