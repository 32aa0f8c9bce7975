"""``telemetry check``."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from telemetry.cli.options import counting_limits, load_settings, settings_options
from telemetry.cli.output.progress import progress
from telemetry.cli.output.results import print_document
from telemetry.clock import Clock
from telemetry.forwarding.findings import check_forwarding
from telemetry.operator_errors import Exit
from telemetry.published.examination import check_published
from telemetry.settings import Settings
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.maintenance.examination import Examination, Recounted, examine
from telemetry.storage.maintenance.filling import source_bytes
from telemetry.storage.maintenance.last_backup import check_last_backup
from telemetry.wording import amount


@click.command("check")
@click.option("--full", is_flag=True, help="Also compare every index with its table.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as one JSON object.")
@settings_options("environment", "data_dir", "daily_labels_max", "flush_keys_max", "log_format")
def command(*, full: bool, as_json: bool, config: Path | None, **flags: Any) -> None:
    """Examine the data while a service runs or not, changing nothing: files, numbers, permissions, disk, clock.

    The aggregates are compared with a recount of the raw events. Ends with 1 if it finds problems.

    Example: telemetry check --data-dir ./data
    """
    settings = load_settings(config, flags, log_to=sys.stderr)
    directory = DataDirectory(Path(settings.data_dir))
    directory.check_whole()
    directory.check_data()
    with progress("Checking", 2 * source_bytes(directory)) as on_bytes:
        examining = examine(
            directory,
            counting_limits(settings),
            Clock(),
            id_key=settings.id_key,
            full=full,
            on_bytes=on_bytes,
        )
        found = asyncio.run(examining)
    if settings.publish_from == "log":
        found.findings += check_published(directory, Clock().now())
    found.findings += check_forwarding(directory, settings.cluster, Clock().now())
    if settings.environment != Settings().environment:
        found.findings += check_last_backup(directory, Clock())
    if as_json:
        print_document(_document(found))
    else:
        click.echo("\n".join(_lines(found)))
    sys.exit(Exit.FINDINGS if found.failed else 0)


def _document(found: Examination) -> dict[str, Any]:
    recounted = found.recounted or Recounted()
    return {
        "ok": not found.failed,
        "files": found.files,
        "findings": [finding._asdict() for finding in found.findings],
        "days_recounted": recounted.recount.whole_days,
        "days_past": recounted.recount.past_days,
        "rows_differing": recounted.counts,
        "differences": [difference._asdict() for difference in recounted.shown],
    }


def _lines(found: Examination) -> Iterator[str]:
    for finding in found.findings:
        yield f"{finding.severity}: {finding.subject}: {finding.sentence}"
    if found.recounted is not None:
        for difference in found.recounted.shown:
            yield f"  {difference_line(*difference)}"
        days, past = found.recounted.recount.whole_days, found.recounted.recount.past_days
        yield (
            f"{amount(found.files, 'file')} read, {amount(len(days), 'day')} recounted, "
            f"{amount(len(past), 'day')} that cannot be recounted"
        )
    yield "problems found" if found.failed else "no problems found"


def difference_line(table: str, key: tuple[Any, ...], was: tuple[Any, ...] | None, now: tuple[Any, ...] | None) -> str:
    """Return what a row of the aggregates is and what it should be."""
    sides = ("no row" if side is None else ", ".join(map(str, side)) for side in (was, now))
    return f"{table} {' '.join(map(str, key))}: {' -> '.join(sides)}"
