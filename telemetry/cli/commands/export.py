"""``telemetry export``."""

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import click
from click.core import ParameterSource

from telemetry.cli.arguments import Day, FilePath, data_to_read
from telemetry.cli.dataset_folders import DATASET, export_dataset
from telemetry.cli.options import settings_options
from telemetry.cli.output.destination import STANDARD_OUTPUT, output
from telemetry.cli.output.progress import progress
from telemetry.cli.output.row_writers import Csv, JsonLines, RowWriter
from telemetry.loading import expanded
from telemetry.operator_errors import NoDataError, OutputError, UnavailableError
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.log.reader import FIRST_DAY, LAST_DAY, LogReader
from telemetry.storage.lookup.tables import EVENT_COLUMNS, TABLES, Column, TableRow, columns_of, event_rows, table_rows
from telemetry.wording import amount, extra_advice

WriterClass = Callable[[BinaryIO, Iterable[Column]], RowWriter]


@click.command("export")
@settings_options("environment", "data_dir")
@click.argument("what", type=click.Choice(["events", *TABLES, DATASET]))
@click.argument("dataset_folder", metavar="[DIR]", type=FilePath(path_type=Path), required=False)
@click.option("--format", "form", type=click.Choice(["jsonl", "csv", "parquet"]), default="jsonl", show_default=True)
@click.option("--from", "first", type=Day(), help="From this day on.")
@click.option("--to", "last", type=Day(), help="Up to this day.")
@click.option(
    "--output",
    "place",
    default=STANDARD_OUTPUT,
    help="File, or folder (ends with / unless it exists); - is standard output.  [-]",
)
def command(
    config: Path | None,
    *,
    what: str,
    dataset_folder: Path | None,
    form: str,
    first: str | None,
    last: str | None,
    place: str,
    **flags: Any,
) -> None:
    """Write out raw events, a table of the aggregates, or the data set.

    The day of an event is the day of its receipt; of statistics, their own day; of a signature or an installation, the
    day it was last seen; of an action, the day of its last change. In a folder, events go to one file for each day, and
    days that have not changed since are skipped: run the same command again to go on after an interruption.

    Exported events and installations hold installation ids. Memory stays small, and a service may run; later rows can
    then be newer than earlier ones. Parquet needs the extra `parquet`.

    `dataset` makes the folder DIR from public numbers alone: a card, croissant.json, and the signatures of all windows
    that ended by --to, as Parquet and JSON lines. It needs the extra too.

    Example: telemetry export events --format parquet --from 2026-11-01 --output ./events/

    Example: telemetry export dataset ./drift-pattern-signatures --to 2026-11-29
    """
    if what == DATASET:
        export_dataset(_dataset_folder(dataset_folder), last, config, flags)
        return
    if dataset_folder is not None:
        raise click.UsageError(f"only the data set is written to DIR: name a place for {what} with --output")
    directory = data_to_read(config, flags)
    export = _Export(directory, _writer_class(form), first or FIRST_DAY, last or LAST_DAY)
    if place == STANDARD_OUTPUT and form == "parquet" and sys.stdout.isatty():
        raise click.UsageError("Parquet is not for terminals: name a file with --output")
    folder = _folder(place)
    if what == "events" and folder:
        written, passed_over, removed = export.write_days(folder, form)
        gone = f", {removed:,} removed by retention while this ran" if removed else ""
        click.echo(f"{amount(written, 'day')} written, {passed_over:,} unchanged{gone}", err=True)
        return
    with export.output(str(folder / f"{what}.{form}") if folder else place) as stream:
        rows = export.write(what, stream)
    if place != STANDARD_OUTPUT:
        click.echo(f"{rows:,} rows written", err=True)


def _dataset_folder(folder: Path | None) -> Path:
    """Return the folder; raise ``UsageError`` if it is missing, or if an option is given that has no effect."""
    context = click.get_current_context()
    for option, flag in (("form", "--format"), ("first", "--from"), ("place", "--output")):
        if context.get_parameter_source(option) is not ParameterSource.DEFAULT:
            raise click.UsageError(f"{flag} has no effect on the data set: run telemetry export dataset DIR [--to DAY]")
    if folder is None:
        raise click.UsageError("name the folder to make: telemetry export dataset DIR")
    return folder


@dataclass(frozen=True, slots=True)
class _Export:
    """An export without its destination."""

    directory: DataDirectory
    writer_class: WriterClass
    first: str
    last: str

    def output(self, name: str, *, modified_ns: int | None = None) -> AbstractContextManager[BinaryIO]:
        """Open a file to write to, which must not be one of the data."""
        inputs = (self.directory.root, self.directory.events)
        return output(name, "--output", inputs=inputs, modified_ns=modified_ns)

    def write(self, what: str, stream: BinaryIO) -> int:
        """Write events or a table to one stream; return how many rows there were."""
        if what == "events":
            log = LogReader(self.directory)
            days = log.days(self.first, self.last)
            with progress("events", sum(map(log.last_id, days))) as advance:
                events = chain.from_iterable(event_rows(log, day) for day in days if log.stamp(day))
                return self._write_rows(events, stream, EVENT_COLUMNS, advance)
        table = TABLES[what]
        rows = table_rows(self.directory, table, self.first, self.last)
        return self._write_rows(rows, stream, columns_of(table), lambda _rows: None)

    def write_days(self, folder: Path, form: str) -> tuple[int, int, int]:
        """Write a file for each day whose segment has changed since; return how many did, and how many did not.

        The third number is that of the days that were removed before they were read: earlier files of them stay.
        """
        log, removed = LogReader(self.directory), 0
        days = {day: (folder / f"events-{day}.{form}", log.stamp(day)) for day in log.days(self.first, self.last)}
        changed = [day for day, (path, stamp) in days.items() if stamp != _modified_ns(path)]
        with progress("events", sum(map(log.last_id, changed))) as advance:
            for day in changed:
                path, stamp = days[day]
                # The file gets the time of its segment: a later run compares the two.
                try:
                    with self.output(str(path), modified_ns=stamp) as stream:
                        self._write_rows(event_rows(log, day), stream, EVENT_COLUMNS, advance)
                except NoDataError:
                    removed += 1
        return len(changed) - removed, len(days) - len(changed), removed

    def _write_rows(
        self,
        pieces: Iterable[list[TableRow]],
        stream: BinaryIO,
        columns: tuple[Column, ...],
        advance: Callable[[int], None],
    ) -> int:
        writer, rows = self.writer_class(stream, columns), 0
        for piece in pieces:
            writer.write(piece)
            advance(len(piece))
            rows += len(piece)
        writer.close()
        return rows


def _writer_class(form: str) -> WriterClass:
    if form == "csv":
        return Csv
    if form == "jsonl":
        return JsonLines
    try:
        from telemetry.cli.output.parquet import Parquet  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise UnavailableError(f"Parquet needs pyarrow: {extra_advice('parquet', 'pyarrow')}") from error
    return Parquet


def _folder(place: str) -> Path | None:
    """Return the folder that an output names, made if need be, or None if the output is a file or a stream."""
    path = Path(expanded(place))
    # The working folder may be closed to the user: look into it only if the output names it.
    if place == STANDARD_OUTPUT or not (place.endswith("/") or os.path.isdir(path)):  # noqa: PTH112 - never raises
        return None
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make {path} ({error.strerror}): choose another place with --output") from error
    return path


def _modified_ns(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.exists() else None
