"""``telemetry segments``."""

import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec

from telemetry.cli.arguments import data_to_read
from telemetry.cli.options import settings_options
from telemetry.operator_errors import ConflictError, DataDirectoryError, InUseError, StorageFailedError
from telemetry.storage.aggregates.loss import missing_segments, reading_aggregates
from telemetry.storage.aggregates.segment_states import SEGMENT_STATES, SegmentState
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.own_files import size_bytes
from telemetry.storage.sqlite.database_files import LOG, beside
from telemetry.storage.sqlite.queries import query
from telemetry.storage.sqlite.reading import read_only


class Listed(NamedTuple):
    """A day as it is shown; ``rows`` is None where it cannot be known at the moment.

    The segment of a day that is ``missing`` is gone though retention has not removed it.
    """

    day: str
    rows: int | None
    bytes: int
    sealed_at: str | None
    watermark: int
    missing: bool = False


@click.command("segments")
@settings_options("environment", "data_dir", "log_format")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(config: Path | None, as_json: bool, **flags: Any) -> None:
    """List the days of the event log; the service may be running or not.

    Example: telemetry segments --data-dir ./data
    """
    segments = list_segments(data_to_read(config, flags))
    if as_json:
        click.echo(msgspec.json.encode([segment._asdict() for segment in segments]))
    else:
        _print_table(segments)


def list_segments(directory: DataDirectory) -> list[Listed]:
    """Return what is known of every segment that is there, or should be, oldest first."""
    with reading_aggregates(directory) as connection:
        states = {row[0]: SegmentState(*row) for row in connection.execute(SEGMENT_STATES)}
    found = [_listed(directory.segment(day), states.get(day, SegmentState(day))) for day in directory.days()]
    missing = [
        Listed(state.day, None, 0, state.sealed_at, state.watermark, missing=True)
        for state in missing_segments(directory)
    ]
    return sorted(found + missing)


def _listed(path: Path, state: SegmentState) -> Listed:
    rows = state.rows if state.sealed_at is not None else _count(path)
    return Listed(state.day, rows, size_bytes(path) + size_bytes(beside(path, LOG)), state.sealed_at, state.watermark)


def _count(path: Path) -> int | None:
    try:
        with read_only(path) as connection:
            ((rows,),) = connection.execute(query("count_events_roughly"))
    except (sqlite3.OperationalError, InUseError, ConflictError, DataDirectoryError, StorageFailedError):
        # The segment has no table yet, is being sealed, or cannot be read by this user.
        return None
    return int(rows)


def _print_table(segments: list[Listed]) -> None:
    cells = [("day", "rows", "bytes", "watermark", "sealed")]
    for segment in segments:
        rows = "?" if segment.rows is None else f"{segment.rows:,}"
        sealed = "missing" if segment.missing else segment.sealed_at or "no"
        cells.append((segment.day, rows, f"{segment.bytes:,}", f"{segment.watermark:,}", sealed))
    total_rows, total_bytes = sum(segment.rows or 0 for segment in segments), sum(segment.bytes for segment in segments)
    cells.append(("total", f"{total_rows:,}", f"{total_bytes:,}", "", ""))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for day, rows, size, watermark, sealed in cells:
        numbers = (rows.rjust(widths[1]), size.rjust(widths[2]), watermark.rjust(widths[3]))
        click.echo("  ".join((day.ljust(widths[0]), *numbers, sealed)).rstrip())
