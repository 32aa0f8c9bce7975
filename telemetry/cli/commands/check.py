"""``telemetry check``."""

import asyncio
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from telemetry.cli.options import counting_limits, load_settings, settings_options
from telemetry.cli.output.progress import progress
from telemetry.cli.output.results import print_document
from telemetry.clock import Clock, column_time, day_of
from telemetry.forwarding.findings import check_forwarding
from telemetry.operator_errors import Exit, OperatorError
from telemetry.published.due import LATE_S
from telemetry.published.overview import late_windows, lost_windows
from telemetry.published.proof import Unproved, unproved
from telemetry.published.windows import PublicWindow
from telemetry.settings import Settings
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.maintenance.examination import Examination, Recounted, examine
from telemetry.storage.maintenance.filling import source_bytes
from telemetry.storage.maintenance.findings import Finding, Severity
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
        found.findings += _published_numbers(directory)
    found.findings += check_forwarding(directory, settings.cluster, Clock().now())
    if settings.environment != Settings().environment:
        found.findings += check_last_backup(directory, Clock())
    if as_json:
        print_document(_document(found))
    else:
        click.echo("\n".join(_lines(found)))
    sys.exit(Exit.FINDINGS if found.failed else 0)


def _published_numbers(directory: DataDirectory) -> list[Finding]:
    """Find whether public numbers are missing that should be there, or differ from what they were made of."""
    try:
        late = late_windows(directory, day_of(column_time(Clock().now() - LATE_S)))
        differing = unproved(directory)
        lost = lost_windows(directory)
    except (OperatorError, sqlite3.Error):
        # Another finding says what is wrong with the files.
        return []
    return [*(_differing_finding(one) for one in differing), *_late_findings(late), *_lost_findings(lost)]


def _differing_finding(one: Unproved) -> Finding:
    sentence = (
        f"{one.series} of the window from {one.start} counted {one.recorded:,} events, and its days hold "
        f"{one.counted:,}: a segment was changed after it was sealed, copy it back from a backup"
    )
    return Finding(Severity.ERROR, "published numbers", sentence)


def _late_findings(late: list[PublicWindow]) -> list[Finding]:
    if not late:
        return []
    sentence = (
        f"{amount(len(late), 'window')} up to {late[-1].last_day} should have been published: the service does that "
        "while it runs, and its log says what is in the way"
    )
    return [Finding(Severity.WARNING, "published numbers", sentence)]


def _lost_findings(lost: list[PublicWindow]) -> list[Finding]:
    if not lost:
        return []
    sentence = (
        f"published.db lacks {amount(len(lost), 'window')} up to {lost[-1].last_day} that had been published: stop the "
        "service and copy published.db from the newest backup into the data directory; nothing needs to be done if "
        "they were published in development"
    )
    return [Finding(Severity.WARNING, "published numbers", sentence)]


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
            f"{amount(len(past), 'day')} past recounting"
        )
    yield "problems found" if found.failed else "no problems found"


def difference_line(table: str, key: tuple[Any, ...], was: tuple[Any, ...] | None, now: tuple[Any, ...] | None) -> str:
    """Return what a row of the aggregates is and what it should be."""
    sides = ("no row" if side is None else ", ".join(map(str, side)) for side in (was, now))
    return f"{table} {' '.join(map(str, key))}: {' -> '.join(sides)}"
