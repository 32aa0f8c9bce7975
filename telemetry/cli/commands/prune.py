"""``telemetry prune``."""

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from telemetry.cli.arguments import PastDay
from telemetry.cli.asking import ask_or_do
from telemetry.cli.erasing import SETTINGS
from telemetry.cli.options import load_settings, settings_options
from telemetry.clock import Clock
from telemetry.counting.aggregates import SIGNATURE_COUNTS
from telemetry.running import running
from telemetry.settings import Settings
from telemetry.storage.aggregates.pruning import Pruned, PruneRequest
from telemetry.wording import amount


@click.command("prune")
@click.option("--before", type=PastDay(), required=True, help="Fold signatures that were last seen before this day.")
@click.option("--events-max", type=click.IntRange(min=1), help="Only those with at most this many events.")
@click.option("--dry-run", is_flag=True, help="Change nothing; print what would be folded.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as one JSON object.")
@settings_options(*SETTINGS)
def command(
    before: str, *, events_max: int | None, dry_run: bool, as_json: bool, config: Path | None, **flags: Any
) -> None:
    """Fold rare or old signatures into the row `other` of their format, while a service runs or not.

    Their rows leave `signature_counts`, and their counts are added to `other`, so that totals stay the same. The rows
    are overwritten, and telemetry.db uses their room again. Only a backup can undo this.

    Example: telemetry prune --before 2026-09-01 --events-max 2 --dry-run
    """
    settings = load_settings(config, flags, log_to=sys.stderr)
    request = PruneRequest(before, dry_run=dry_run) if events_max is None else PruneRequest(before, events_max, dry_run)
    pruned = ask_or_do(settings, "/prunings", request, Pruned, lambda: _prune_here(settings, request))
    if as_json:
        click.echo(msgspec.json.encode(pruned))
        return
    rows, events = amount(pruned.rows, SIGNATURE_COUNTS.noun, SIGNATURE_COUNTS.plural), amount(pruned.events, "event")
    click.echo(f"{rows} of {events} {'would be' if dry_run else 'are'} counted as other")
    if not pruned.finished:
        click.echo("the service stopped before the end: run this command again")


async def _prune_here(settings: Settings, request: PruneRequest) -> Pruned:
    async with running(settings, Clock()) as started:
        return await started.upkeep.orders.prune(request)
