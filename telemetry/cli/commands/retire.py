"""``telemetry retire``."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from telemetry.cli.arguments import PastDay
from telemetry.cli.asking import ask_or_do
from telemetry.cli.erasing import SETTINGS
from telemetry.cli.options import load_settings, settings_options
from telemetry.clock import Clock
from telemetry.running import running
from telemetry.settings import Settings
from telemetry.storage.log.retiring import Retired, RetiredDay, RetireRequest
from telemetry.wording import amount


@click.command("retire")
@click.option("--before", type=PastDay(), required=True, help="Remove the raw events of the days before this one.")
@click.option("--dry-run", is_flag=True, help="Remove nothing; print what would be removed.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as one JSON object.")
@settings_options(*SETTINGS)
def command(before: str, *, dry_run: bool, as_json: bool, config: Path | None, **flags: Any) -> None:
    """Remove whole days of raw events now, to free the disk, while a service runs or not.

    Their numbers stay, as when retention removes days. A day whose file is missing is marked as removed, so that
    `check` does not report it any more. A public window that needs one of these days and is not published yet can
    never be published.

    Example: telemetry retire --before 2026-10-01 --dry-run
    """
    settings = load_settings(config, flags, log_to=sys.stderr)
    request = RetireRequest(before, dry_run)
    retired = ask_or_do(settings, "/retirements", request, Retired, lambda: _retire_here(settings, request))
    click.echo(msgspec.json.encode(retired) if as_json else "\n".join(_lines(retired)))


def _lines(retired: Retired) -> Iterator[str]:
    yield from map(_line, retired.days)
    removed, events = sum(one.bytes for one in retired.days), sum(one.events for one in retired.days)
    verb = "would be removed" if retired.dry_run else "removed"
    yield f"{amount(len(retired.days), 'day')} {verb}: {amount(events, 'event')}, {amount(removed, 'byte')}"
    for day in retired.kept:
        yield (
            f"{day} stays: it is in use, or its last events are not counted yet; run this command again in a minute, "
            "while the service runs"
        )
    if not retired.finished:
        yield "the service stopped before the end: run this command again"


def _line(one: RetiredDay) -> str:
    size = "its file was missing" if one.missing else f"{amount(one.events, 'event')}, {amount(one.bytes, 'byte')}"
    return f"{one.day}: {size}"


async def _retire_here(settings: Settings, request: RetireRequest) -> Retired:
    async with running(settings, Clock()) as started:
        return await started.upkeep.orders.retire(request)
