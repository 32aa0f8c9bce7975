"""Shared by ``import`` and ``merge``: judges the rows of a source, stages them, and adds them to a stopped service."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import click
import msgspec

from telemetry.catalogue.stored_ids import IdKey
from telemetry.cli.options import counting_limits, load_settings, settings_options
from telemetry.cli.output.destination import STANDARD_OUTPUT, output
from telemetry.cli.output.progress import progress
from telemetry.clock import Clock, instant
from telemetry.counting.day_labels import DayLabels
from telemetry.owning import data_directory
from telemetry.settings import Settings
from telemetry.storage.aggregates.key_file import find_key, settle_key
from telemetry.storage.aggregates.loss import check_aggregates
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.scratch import scratch, temporary
from telemetry.storage.erasure.erasures import Erasure, erasures_by_installation
from telemetry.storage.imports.importing import Imported, carry_out, plan
from telemetry.storage.imports.rows import REASON_SENTENCES, OldRow, RowRefusedError
from telemetry.storage.imports.staging import Judgement, Refused, Staging
from telemetry.storage.sqlite.copying import Progress
from telemetry.wording import amount


class Source(Protocol):
    """The rows to import. ``counters`` is called after all events have been read."""

    def events(self) -> Iterator[list[OldRow]]:
        """Return the events, some at a time, each with an id of its own."""

    def counters(self) -> Iterator[tuple[Any, ...]]:
        """Return rows of ``daily_stats``: date, metric and value."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the rows come from: what the report calls it, its files and their size, and how it is opened.

    ``open`` gets a folder for copies, this instance's key of ids, and the callback for bytes that were read.
    Installations that were forgotten or excluded in the database ``aggregates`` stay so. ``logged`` rows were stored by
    an instance of this service.
    """

    name: str
    owner: str
    files: list[Path]
    size_bytes: int
    open: Callable[[Path, IdKey, Progress], AbstractContextManager[Source]]
    aggregates: Path | None = None
    logged: bool = False


_SETTINGS = (
    "environment", "data_dir", "synchronous", "retention_days", "daily_labels_max", "daily_signatures_max",
    "log_format",
)  # fmt: skip


def import_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that all imports have; ``run_import`` takes their values."""
    for option in (
        settings_options(*_SETTINGS),
        click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object."),
        click.option(
            "--refused",
            help="Write refused rows to this file, a JSON object a line, in a dry run too; - is standard output.",
        ),
        click.option("--dry-run", is_flag=True, help="Change nothing; report what would be done."),
    ):
        command = option(command)
    return command


def import_settings(config: Path | None, flags: dict[str, Any]) -> Settings:
    """Return the effective settings; standard output is for the report."""
    return load_settings(config, flags, log_to=sys.stderr)


def run_import(origin: Origin, settings: Settings, *, dry_run: bool, refused: str | None, as_json: bool) -> None:
    """Import the rows of an origin, or find out what that would do, and print the report."""
    os.umask(0o077)
    with _refused_file(refused, [*origin.files, Path(settings.data_dir)]) as on_refused:
        judgement, imported = asyncio.run(_import(origin, settings, on_refused, dry_run=dry_run))
    if as_json:
        click.echo(
            msgspec.json.encode(_document(origin, judgement, imported, dry_run=dry_run)), err=_is_shared(refused)
        )
    else:
        lines = _lines(origin, judgement, imported, dry_run=dry_run)
        click.echo("\n".join(lines), err=_is_shared(refused))


def _is_shared(refused: str | None) -> bool:
    return refused == STANDARD_OUTPUT


async def _import(
    origin: Origin, settings: Settings, on_refused: Refused, *, dry_run: bool
) -> tuple[Judgement, Imported]:
    async with AsyncExitStack() as stack:
        directory, aggregates = DataDirectory(Path(settings.data_dir)), None
        if dry_run:
            check_aggregates(directory)
            # Without a key, nothing is stored yet that the hashes would have to match.
            id_key = find_key(directory, settings.id_key) or IdKey.random()
            folder = stack.enter_context(temporary())
        else:
            directory, aggregates = await stack.enter_async_context(data_directory(settings))
            id_key = await settle_key(directory, aggregates, settings.id_key)
            folder = stack.enter_context(scratch(directory))
        path = None if dry_run else folder / "staged.db"
        staging = Staging(path, _erasures(origin, directory), id_key, logged=origin.logged)
        stack.callback(staging.close)
        retention, now = timedelta(days=settings.retention_days), instant(Clock().now())
        with progress("Reading", origin.size_bytes) as on_bytes, origin.open(folder, id_key, on_bytes) as source:
            staging.take_events(source.events(), retention, now, on_refused)
            staging.take_counters(source.counters(), DayLabels(labels_max=settings.daily_labels_max), on_refused)
        planned = plan(staging, directory)
        if aggregates is not None:
            with progress("Importing", planned.added) as on_rows:
                await carry_out(
                    planned,
                    staging,
                    directory,
                    aggregates,
                    counting_limits(settings),
                    synchronous=settings.synchronous,
                    on_rows=on_rows,
                )
    return staging.judgement, planned


def _erasures(origin: Origin, directory: DataDirectory) -> dict[str, Erasure]:
    there = {} if origin.aggregates is None else erasures_by_installation(origin.aggregates)
    return there | erasures_by_installation(directory.aggregates)


@contextmanager
def _refused_file(name: str | None, inputs: list[Path]) -> Iterator[Refused]:
    if name is None:
        yield lambda _table, _columns, _refused: None
        return
    with output(name, "--refused", inputs=inputs) as file:

        def write(table: str, columns: dict[str, Any], refused: RowRefusedError) -> None:
            readable = {name: value.hex() if isinstance(value, bytes) else value for name, value in columns.items()}
            line = {"table": table, "reason": refused.reason, "sentence": refused.sentence, "row": readable}
            file.write(msgspec.json.encode(line) + b"\n")

        yield write


def _document(origin: Origin, judgement: Judgement, imported: Imported, *, dry_run: bool) -> dict[str, Any]:
    return {
        "file": origin.name,
        "dry_run": dry_run,
        "events": {
            "kept": judgement.kept,
            "mapped": judgement.mapped,
            "refused": judgement.refused.total(),
            "added": imported.added,
        },
        "mapped": judgement.mappings,
        "refused": judgement.refused,
        "counters_refused": judgement.counters_refused,
        "days": [day._asdict() for day in imported.days],
        "expired_days": imported.expired_days,
        "stats_kept": imported.stats_kept,
        "stats_left": imported.stats_left,
        "late_days": imported.late_days,
    }


def _lines(origin: Origin, judgement: Judgement, imported: Imported, *, dry_run: bool) -> Iterator[str]:
    would = "would be " if dry_run else ""
    refused, expired = judgement.refused.total(), sum(imported.expired_days.values())
    taken = judgement.kept + judgement.mapped
    events = amount(taken + refused, "event")
    yield f"{origin.name}: {events}, {judgement.kept} kept, {judgement.mapped} mapped, {refused} refused"
    yield from _counts("mapped", judgement.mappings, str)
    yield from _counts("refused", judgement.refused, REASON_SENTENCES.__getitem__)
    yield f"{imported.added} {would}added, {taken - imported.added - expired} were here already"
    for day in imported.days:
        old = "" if day.old_total is None else f", {origin.owner} had counted {day.old_total}"
        recounted = amount(day.recounted, "raw event")
        yield f"{day.day}: {day.added} {would}added; daily_stats recomputed from {recounted}{old}"
    for name, staged in imported.expired_days.items():
        yield f"{name}: {amount(staged, 'event')} counted here before, and removed by retention since; left as it is"
    # Only an instance of this service has them.
    left_out = "; its signatures and decisions of that day are left out" if origin.logged else ""
    for name in imported.stats_kept:
        yield f"{name}: no raw events; the daily_stats of {origin.owner} {would}taken over{left_out}"
    for name in imported.stats_left:
        yield f"{name}: no raw events there, but counted here; the daily_stats of {origin.owner} left out"
    if imported.late_days:
        days, late = amount(len(imported.late_days), "day"), amount(sum(imported.late_days.values()), "event")
        yield (
            f"{late} of {days} {would or 'are '}late: the public numbers of these days are final and do not count "
            "them; those of weeks that are not closed yet do"
        )
    if judgement.counters_refused:
        yield f"daily_stats: {amount(judgement.counters_refused.total(), 'row')} refused"
        yield from _counts("refused", judgement.counters_refused, REASON_SENTENCES.__getitem__)


def _counts(verb: str, counts: dict[str, int], explain: Callable[[str], str]) -> Iterator[str]:
    for name, count in sorted(counts.items()):
        sentence = explain(name)
        yield f"  {verb} {count}: {sentence if sentence == name else f'{name}: {sentence}'}"
