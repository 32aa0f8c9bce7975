"""``telemetry delete``."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from telemetry.cli.arguments import Day, data_to_read
from telemetry.cli.options import counting_limits, load_settings, settings_options
from telemetry.cli.output.progress import progress
from telemetry.clock import Clock
from telemetry.counting.counters import Counters
from telemetry.counting.day_labels import DayLabels
from telemetry.operator_errors import NoDataError
from telemetry.owning import data_directory
from telemetry.published.examination import WHEN_CORRECTED
from telemetry.settings import Settings
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.aggregates.flushing import flush_counters
from telemetry.storage.aggregates.segment_states import SegmentStates
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.scratch import scratch
from telemetry.storage.log.archive import Archive
from telemetry.storage.log.event_log import EventLog
from telemetry.storage.log.replaying import Replay
from telemetry.storage.maintenance.deletion import DayFound, days_between, delete_days
from telemetry.storage.maintenance.filling import source_bytes
from telemetry.storage.maintenance.repairing import repair_numbers
from telemetry.wording import amount


@click.command("delete")
@click.option("--from", "first", type=Day(), required=True, help="From this day on.")
@click.option("--to", "last", type=Day(), required=True, help="Up to this day, which may be the same.")
@click.option("--dry-run", is_flag=True, help="Delete nothing; print what would be deleted. A service may run.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
@settings_options(
    "environment", "data_dir", "synchronous", "daily_labels_max", "daily_signatures_max", "flush_keys_max", "log_format"
)
def command(first: str, last: str, *, dry_run: bool, as_json: bool, config: Path | None, **flags: Any) -> None:
    """Delete days as if their events had never come: raw events, and what these have added to the numbers.

    No service may run. If the raw events of a day are gone, only the day's own counts are deleted: its part of the sums
    over all time, of signatures and decisions, stays. Windows that were published with these days are made again
    without them. Older backups still hold the days.

    Example: telemetry delete --from 2026-11-20 --to 2026-11-21 --dry-run
    """
    settings = load_settings(config, flags, log_to=sys.stderr)
    if last < first:
        raise click.UsageError(f"--to {last} is before --from {first}")
    found = _found(data_to_read(config, flags), first, last) if dry_run else asyncio.run(_delete(settings, first, last))
    if as_json:
        click.echo(msgspec.json.encode({"dry_run": dry_run, "days": [day._asdict() for day in found]}))
    else:
        click.echo("\n".join(_lines(found, dry_run=dry_run)))


def _found(directory: DataDirectory, first: str, last: str) -> list[DayFound]:
    if found := days_between(directory, first, last):
        return found
    raise NoDataError(f"{directory.root} has nothing of {first} to {last}: choose days that `telemetry segments` lists")


async def _delete(settings: Settings, first: str, last: str) -> list[DayFound]:
    async with data_directory(settings) as (directory, aggregates):
        found, limits = _found(directory, first, last), counting_limits(settings)
        await _count_rest(directory, aggregates, settings)
        with progress("Deleting", 2 * source_bytes(directory)) as on_bytes:
            with scratch(directory) as folder:
                await delete_days(
                    directory, aggregates, found, folder, now=Clock().now(), keys_max=settings.flush_keys_max
                )
            # Recounts which installations were new on each day, and when each was first and last seen.
            with scratch(directory) as folder:
                await repair_numbers(directory, aggregates, folder, limits, on_bytes)
    return found


async def _count_rest(directory: DataDirectory, aggregates: Aggregates, settings: Settings) -> None:
    """Count the events that a crash left uncounted: subtracting takes out all events of a day."""
    counters = Counters(DayLabels(labels_max=settings.daily_labels_max))
    archive = Archive(directory, SegmentStates(aggregates), synchronous=settings.synchronous)
    log = EventLog(archive, Replay(aggregates, counters).prepare)
    try:
        for state in await archive.segments():
            if state.sealed_at is None:
                await log.enter(state.day)
                await flush_counters(counters, aggregates)
    finally:
        await log.close()


def _lines(found: list[DayFound], *, dry_run: bool) -> Iterator[str]:
    would = "would be " if dry_run else ""
    for day in found:
        what = f"{amount(day.events, 'raw event')} and {amount(day.counts, 'count')} {would}deleted"
        stays = "" if day.is_whole else "; signatures and decisions keep what events that are gone have added"
        yield f"{day.day}: {what}{stays}"
    yield f"{amount(len(found), 'day')} {would}deleted"
    yield f"public numbers follow {WHEN_CORRECTED}"
