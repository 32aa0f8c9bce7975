"""``telemetry simulate``."""

import asyncio
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import click
import orjson

from telemetry.cli.arguments import Day, ServiceUrl
from telemetry.cli.options import settings_options
from telemetry.cli.output.progress import progress
from telemetry.cli.posting import Poster
from telemetry.cli.simulation.living import live_through
from telemetry.cli.simulation.sessions import Session
from telemetry.cli.simulation.traffic import Simulation
from telemetry.clock import Clock, instant
from telemetry.loading import load
from telemetry.operator_errors import DataDirectoryError
from telemetry.settings import Settings
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.log.reader import LogReader
from telemetry.wording import amount


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
    """Let a service live through the days, and tell how many of them have passed."""
    if LogReader(DataDirectory(Path(settings.data_dir))).days():
        raise DataDirectoryError(
            f"{settings.data_dir} holds events already: simulated ones go into a directory of their own, choose one "
            "with --data-dir"
        )
    with progress("days", len(simulation.days)) as advance:
        return await live_through(settings, simulation, advance)
