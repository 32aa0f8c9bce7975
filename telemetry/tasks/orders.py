"""The operator's orders other than erasures: pruning rows, and removing days early."""

from telemetry.clock import Clock, column_time, day_of
from telemetry.stoppable import StoppableWork
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.aggregates.pruning import Pruned, PruneRequest, prune
from telemetry.storage.log.retiring import Retired, RetireRequest
from telemetry.tasks.retention import Retention


class Orders(StoppableWork):
    """Carries orders out even if their client goes away; ``close`` stops them between two steps."""

    def __init__(self, aggregates: Aggregates, retention: Retention, clock: Clock) -> None:
        super().__init__()
        self._aggregates = aggregates
        self._retention = retention
        self._clock = clock

    async def prune(self, request: PruneRequest) -> Pruned:
        """Fold signatures that were last seen before a day, and never those of the present day."""
        request.before = min(request.before, self._today())
        return await self._carried_out(prune(self._aggregates, request, self._stop))

    async def retire(self, request: RetireRequest) -> Retired:
        """Remove the segments of the days before a day, and never that of the present day."""
        request.before = min(request.before, self._today())
        return await self._carried_out(self._retention.retire_before(request, self._stop))

    def _today(self) -> str:
        return day_of(column_time(self._clock.now()))
