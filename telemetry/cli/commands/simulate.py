"""``telemetry simulate``."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import click
import orjson

from telemetry.catalogue.benchmarks import WITH_TOKEN
from telemetry.cli.arguments import Day, ServiceUrl
from telemetry.cli.options import settings_options
from telemetry.cli.output.progress import progress
from telemetry.cli.posting import Poster
from telemetry.cli.simulation.sessions import SentFields, Session
from telemetry.cli.simulation.traffic import Simulation
from telemetry.clock import Clock, instant
from telemetry.errors import Refusal
from telemetry.intake.service import TelemetryService
from telemetry.loading import load
from telemetry.operator_errors import DataDirectoryError, UnavailableError
from telemetry.running import running
from telemetry.settings import Settings
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.log.reader import LogReader
from telemetry.tasks.sealer import SEALING_GRACE_S
from telemetry.wording import amount

# Sessions of so many seconds are submitted at one moment, in groups of so many requests.
_SLOT_S = 900
_REQUESTS_AT_ONCE = 100


@click.command("simulate")
@settings_options("environment", "data_dir")
@click.option("--installations", type=click.IntRange(1, 100_000), default=1_000, show_default=True)
@click.option("--days", type=click.IntRange(1, 3_650), default=30, show_default=True, help="How many days.")
@click.option("--until", type=Day(), help="The last day.  [default: yesterday; with --url today]")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, other events.")
@click.option("--url", type=ServiceUrl(), help="Post one day's events to the service at this address.")
@click.option("--rate", type=click.FloatRange(0.1, 100_000), default=200.0, show_default=True, help="Events/s to post.")
def command(
    config: Path | None,
    *,
    installations: int,
    days: int,
    until: str | None,
    seed: int,
    url: str | None,
    rate: float,
    **flags: Any,
) -> None:
    """Make realistic traffic to try the service with.

    Without --url the events of past days go into a data directory that has none yet, through the service's own code,
    while no service runs there. With --url those of the last day are posted, all as if they had just been recorded.
    The same seed and last day make the same events.

    Example: telemetry simulate --installations 1000 --days 30 --data-dir ./simulated
    """
    clock = Clock()
    today = instant(clock.now()).date()
    last_day = date.fromisoformat(until) if until else today - timedelta(days=0 if url else 1)
    simulation = Simulation(installations=installations, days=days, seed=seed, last_day=last_day)
    if url:
        poster = Poster(f"{url}/v1/events", advice="lower --rate")
        events = _post(simulation.sessions(last_day), poster, rate, clock)
        click.echo(f"{amount(events, 'event')} posted to {url}")
        return
    # Not with its log: of the days that pass, nobody wants to read.
    settings = load(flags, config=config, needed=flags)
    if last_day >= today:
        raise click.UsageError("--until: only days before today can be filled; use --url for today")
    events = asyncio.run(_fill(settings, simulation))
    click.echo(f"{amount(events, 'event')} of {amount(days, 'day')} in {settings.data_dir}")


def _post(sessions: list[Session], poster: Poster, rate: float, clock: Clock) -> int:
    """Post the sessions, at most ``rate`` events a second on average; return how many events they have."""
    posted, started = 0, clock.monotonic()
    with progress("sessions", len(sessions)) as advance:
        for session in sessions:
            events = session.events(clock.now())
            time.sleep(max(started + posted / rate - clock.monotonic(), 0))
            poster.post(orjson.dumps({"events": events}))
            posted += len(events)
            advance(1)
    return posted


async def _fill(settings: Settings, simulation: Simulation) -> int:
    """Let a service live through the days, with the clock of the simulation."""
    if LogReader(DataDirectory(Path(settings.data_dir))).days():
        raise DataDirectoryError(
            f"{settings.data_dir} holds events already: simulated ones go into a directory of their own, choose one "
            "with --data-dir"
        )
    now = _midnight(simulation.days[0])
    # Simulated events need not survive a power cut: they can be made again. Windows are published while the days pass,
    # and a service of another environment would throw away numbers that are below its threshold.
    lax = Settings(
        environment=settings.environment,
        data_dir=settings.data_dir,
        synchronous="NORMAL",
        retention_days=settings.retention_days,
    )
    posted = 0
    # Simulated days are over, which does not mean that the clock is wrong.
    clock = Clock(now=lambda: now, monotonic=lambda: now, not_before=now)
    async with running(lax, clock) as started:
        sealing = asyncio.create_task(started.upkeep.sealer.check())
        with progress("days", len(simulation.days)) as advance:
            for day in simulation.days:
                for second, batches in _groups(simulation.sessions(day)):
                    now = _midnight(day) + second
                    posted += await _accept(started.service, [session.events(now) for session in batches])
                await _accept_reports(started.service, simulation.reports(day, now))
                # Beside the next days, in processes of their own.
                if sealing.done():
                    sealing = asyncio.create_task(started.upkeep.sealer.check())
                advance(1)
        now = _midnight(simulation.days[-1] + timedelta(days=1)) + 2 * SEALING_GRACE_S
        await sealing
        # A day is sealed only when its events are counted.
        await started.publisher.flush()
        await started.upkeep.sealer.check()
        await started.upkeep.closer.check()
    return posted


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


def _groups(sessions: list[Session]) -> Iterator[tuple[int, list[Session]]]:
    """Return sessions that are submitted together, with the second of the day they are."""
    for slot, together in groupby(sessions, key=lambda session: session.second // _SLOT_S):
        waiting = list(together)
        for start in range(0, len(waiting), _REQUESTS_AT_ONCE):
            yield (slot + 1) * _SLOT_S - 1, waiting[start : start + _REQUESTS_AT_ONCE]


def _midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
