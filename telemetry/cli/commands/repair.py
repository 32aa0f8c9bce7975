"""``telemetry repair``."""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from telemetry.cli.commands.check import difference_line
from telemetry.cli.options import counting_limits, load_settings, settings_options
from telemetry.cli.output.progress import progress
from telemetry.owning import data_directory
from telemetry.settings import Settings
from telemetry.storage.directory.scratch import scratch
from telemetry.storage.maintenance.examination import Recounted
from telemetry.storage.maintenance.file_checks import check_missing
from telemetry.storage.maintenance.filling import source_bytes
from telemetry.storage.maintenance.findings import Finding
from telemetry.storage.maintenance.repairing import repair_numbers
from telemetry.wording import amount


@click.command("repair")
@click.option("--dry-run", is_flag=True, help="Change nothing; print what would change.")
@settings_options("environment", "data_dir", "synchronous", "daily_labels_max", "flush_keys_max", "log_format")
def command(*, dry_run: bool, config: Path | None, **flags: Any) -> None:
    """Make the aggregates of days with raw events what a recount says; no service may run.

    Days whose raw events are gone, or damaged, keep their numbers, and so do sums over all time that include them,
    unless the raw events alone add up to more. Everything changes in one transaction, or nothing.

    Example: telemetry repair --data-dir ./data
    """
    settings = load_settings(config, flags, log_to=sys.stderr)
    os.umask(0o077)
    findings, recounted = asyncio.run(_repair(settings, dry_run=dry_run))
    click.echo("\n".join(_lines(findings, recounted, dry_run=dry_run)))


async def _repair(settings: Settings, *, dry_run: bool) -> tuple[list[Finding], Recounted]:
    async with data_directory(settings) as (directory, aggregates):
        with progress("Recounting", 2 * source_bytes(directory)) as on_bytes, scratch(directory) as folder:
            limits = counting_limits(settings)
            findings, recounted = await repair_numbers(directory, aggregates, folder, limits, on_bytes, dry_run=dry_run)
        findings += check_missing(directory)
    return findings, recounted


def _lines(findings: list[Finding], recounted: Recounted, *, dry_run: bool) -> Iterator[str]:
    for finding in findings:
        yield f"{finding.severity}: {finding.subject}: {finding.sentence}"
    recount = recounted.recount
    for state in recount.segments:
        if state.missing:
            yield f"{state.day}: left as it is, its segment has lost {amount(state.missing, 'event')}"
    for table, count in recounted.counts.items():
        yield f"{table}: {amount(count, 'row')} {'would be ' if dry_run else ''}corrected"
    for difference in recounted.shown:
        yield f"  {difference_line(*difference)}"
    yield (
        f"{amount(len(recount.whole_days), 'day')} recounted, {amount(len(recount.past_days), 'day')} that cannot be "
        "recounted left as before"
    )
