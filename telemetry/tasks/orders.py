"""The operator's orders other than erasures: pruning rows, and removing days early."""

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

from telemetry.clock import Clock, column_time, day_of
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.aggregates.pruning import Pruned, PruneRequest, prune
from telemetry.storage.log.retiring import Retired, RetireRequest
from telemetry.tasks.retention import Retention

_Report = TypeVar("_Report")


class Orders:
    """Carries orders out even if their client goes away; ``close`` stops them between two steps."""

    def __init__(self, aggregates: Aggregates, retention: Retention, clock: Clock) -> None:
        self._aggregates = aggregates
        self._retention = retention
        self._clock = clock
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stop = asyncio.Event()

    async def prune(self, request: PruneRequest) -> Pruned:
        """Fold signatures that were last seen before a day, and never those of the present day."""
        request.before = min(request.before, self._today())
        return await self._carried_out(prune(self._aggregates, request, self._stop))

    async def retire(self, request: RetireRequest) -> Retired:
        """Remove the segments of the days before a day, and never that of the present day."""
        request.before = min(request.before, self._today())
        return await self._carried_out(self._retention.retire_before(request, self._stop))

    def stop(self) -> None:
        """Ask what is under way to end soon."""
        self._stop.set()

    async def close(self) -> None:
        """Stop, and return when nothing is under way any more."""
        self.stop()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _carried_out(self, order: Coroutine[Any, Any, _Report]) -> Awaitable[_Report]:
        task = asyncio.create_task(order)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return asyncio.shield(task)

    def _today(self) -> str:
        return day_of(column_time(self._clock.now()))
