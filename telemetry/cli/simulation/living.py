"""Living: a service lives through simulated days, with their clock and its own code, as fast as the machine can."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any

import orjson

from telemetry.catalogue.benchmarks import WITH_TOKEN
from telemetry.cli.simulation.sessions import SentFields, Session
from telemetry.cli.simulation.traffic import Simulation
from telemetry.clock import Clock
from telemetry.errors import Refusal
from telemetry.intake.service import TelemetryService
from telemetry.operator_errors import UnavailableError
from telemetry.running import Running, running
from telemetry.settings import Settings
from telemetry.storage.log.sealing_thread import SealingThread
from telemetry.tasks.closer import WINDOWS_MAX
from telemetry.tasks.sealer import SEALING_GRACE_S

# What is submitted within three hours is received at their end, in batches as full as the protocol allows: each request
# and each commit costs as much as dozens of events.
_SLOT_S = 3 * 3_600
_BATCH_EVENTS = 100
# Windows of so many days fill a process that closes them.
_CLOSED_TOGETHER_DAYS = WINDOWS_MAX - 2


class _Hands:
    """The clock of the simulation: it says what it is set to, and nothing waits for it."""

    def __init__(self, now: float) -> None:
        self.now = now
        # Simulated days are over, which does not mean that the clock is wrong.
        self.clock = Clock(now=lambda: self.now, monotonic=lambda: self.now, not_before=now)


async def live_through(settings: Settings, simulation: Simulation, on_day: Callable[[int], None]) -> int:
    """Accept the events of the days, seal them and publish their numbers; return how many events there are.

    ``on_day`` is called with 1 after each day. Raises ``UnavailableError`` if the service refuses events.
    """
    # Simulated events need not survive a power cut: they can be made again. Windows are published while the days pass,
    # and a service of another environment would throw away numbers that are below its threshold.
    lax = Settings(
        environment=settings.environment,
        data_dir=settings.data_dir,
        synchronous="NORMAL",
        retention_days=settings.retention_days,
    )
    hands, posted = _Hands(_midnight(simulation.days[0])), 0
    async with running(lax, hands.clock, start_sealing=SealingThread.start) as started:
        tidying, tidied = asyncio.create_task(_tidy(started)), 0
        for number, day in enumerate(simulation.days, start=1):
            for second, batches in _batches(simulation.sessions(day), day):
                hands.now = _midnight(day) + second
                posted += await _accept(started.service, batches)
            await _accept_reports(started.service, simulation.reports(day, hands.now))
            # Beside the next days.
            if tidying.done() and number - tidied >= _CLOSED_TOGETHER_DAYS:
                tidying, tidied = asyncio.create_task(_tidy(started)), number
            on_day(1)
        await tidying
        hands.now = _midnight(simulation.days[-1] + timedelta(days=1)) + 2 * SEALING_GRACE_S
        await _tidy(started)
    return posted


async def _tidy(started: Running) -> None:
    """Seal the days that are over, and close their windows."""
    # A day is sealed only when its events are counted.
    await started.publisher.flush()
    await started.upkeep.sealer.check()
    await started.upkeep.closer.check()


async def _accept(service: TelemetryService, batches: list[list[SentFields]]) -> int:
    try:
        await asyncio.gather(*[service.accept(orjson.dumps({"events": events})) for events in batches])
    except Refusal as refusal:
        raise UnavailableError(f"events were refused: {refusal.sentence}") from refusal
    return sum(map(len, batches))


async def _accept_reports(service: TelemetryService, reports: list[Any]) -> None:
    """Take reports of benchmarks as from the operator, whose token makes them public."""
    for report in reports:
        await service.accept_feedback(orjson.dumps(report), WITH_TOKEN)


def _batches(sessions: list[Session], day: date) -> Iterator[tuple[int, list[list[SentFields]]]]:
    """Return the batches that are received together, with the second of the day they are."""
    midnight = _midnight(day)
    for slot, together in groupby(sessions, key=lambda session: session.second // _SLOT_S):
        events = [event for session in together for event in session.events(midnight + session.second)]
        batches = [events[start : start + _BATCH_EVENTS] for start in range(0, len(events), _BATCH_EVENTS)]
        yield (slot + 1) * _SLOT_S - 1, batches


def _midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
