"""Upkeep: the tasks that keep the data directory in order beside the requests."""

import asyncio
from functools import partial

from telemetry.clock import Clock
from telemetry.intake.clock_judge import JUDGING_INTERVAL_S, ClockJudge
from telemetry.storage.erasure.eraser import Eraser
from telemetry.tasks.closer import Closer
from telemetry.tasks.disk import DiskBudget
from telemetry.tasks.orders import Orders
from telemetry.tasks.periodic import Periodic
from telemetry.tasks.refusal_watch import RefusalWatch
from telemetry.tasks.retention import Retention
from telemetry.tasks.sealer import Sealer

# A start has better things to do than to seal at once.
_FIRST_S = 1.0
_SEALER_INTERVAL_S = 60.0
_CLOSER_FIRST_S = 5.0
_CLOSER_INTERVAL_S = 60.0
_RETENTION_INTERVAL_S = 60.0
_DISK_INTERVAL_S = 10.0
_ERASING_INTERVAL_S = 600.0
_REFUSALS_INTERVAL_S = 5.0


class Upkeep:
    """What is done beside the requests, each thing at its own pace by a clock, from ``start`` to ``close``."""

    def __init__(
        self,
        sealer: Sealer,
        retention: Retention,
        budget: DiskBudget,
        eraser: Eraser,
        judge: ClockJudge,
        *,
        clock: Clock,
        refusals: RefusalWatch,
        closer: Closer,
        orders: Orders,
    ) -> None:
        self.sealer = sealer
        self.retention = retention
        self.budget = budget
        self.eraser = eraser
        self.judge = judge
        self.closer = closer
        self.orders = orders
        self._refusals = refusals
        periodic = partial(Periodic, timeout=clock.timeout)
        self._periodic = (
            periodic("sealing", sealer.check, interval_s=_SEALER_INTERVAL_S, first_s=_FIRST_S),
            periodic("closing windows", closer.check, interval_s=_CLOSER_INTERVAL_S, first_s=_CLOSER_FIRST_S),
            periodic("retention", retention.check, interval_s=_RETENTION_INTERVAL_S),
            periodic("erasing", eraser.resume, interval_s=_ERASING_INTERVAL_S, first_s=0),
            periodic("judging the clock", judge.check, interval_s=JUDGING_INTERVAL_S),
            periodic("measuring the disk", budget.check, interval_s=_DISK_INTERVAL_S),
            periodic("recording refusals", refusals.check, interval_s=_REFUSALS_INTERVAL_S),
        )
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    async def start(self) -> tuple[asyncio.Task[None], ...]:
        """Measure the disk before the first event comes, and return the tasks that do the rest."""
        await self.budget.check()
        self._refusals.start()
        self._tasks = tuple(asyncio.create_task(periodic.run()) for periodic in self._periodic)
        return self._tasks

    def stop(self) -> None:
        """Ask an erasing or an order that is under way, and whoever waits for its answer, to come to an end."""
        self.eraser.stop()
        self.orders.stop()

    async def close(self) -> None:
        """End the tasks; a sealing, a closing or an erasing that is under way is stopped."""
        self.stop()
        for periodic in self._periodic:
            periodic.close()
        await self.sealer.close()
        await self.closer.close()
        await self.retention.close()
        await self.eraser.close()
        await self.orders.close()
        await asyncio.wait(self._tasks)
        await self._refusals.check()
