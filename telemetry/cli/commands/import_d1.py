"""``telemetry import``."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

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
from telemetry.storage.d1.importing import Imported, carry_out, plan
from telemetry.storage.d1.rows import REASON_SENTENCES, RowRefusedError
from telemetry.storage.d1.source import old_data, with_companions
from telemetry.storage.d1.staging import Judgement, Refused, Staging
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.scratch import scratch, temporary
from telemetry.storage.erasure.erasures import erasures_by_installation
from telemetry.wording import amount


@click.group("import")
def command() -> None:
    """Take over the data of another program.

    Example: telemetry import d1 export.sql --dry-run
    """


@command.command("d1")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Change nothing; report what an import would do.")
@click.option(
    "--refused", help="Write refused rows to this file, a JSON object a line, in a dry run too; - is standard output."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
@settings_options(
    "environment", "data_dir", "synchronous", "retention_days", "daily_labels_max", "daily_signatures_max", "log_format"
)
def d1(file: Path, *, dry_run: bool, refused: str | None, as_json: bool, config: Path | None, **flags: Any) -> None:
    """Take over the old worker's data: its SQL export, or its database file with the -wal beside it.

    No service may run. Each row is judged as if this service had received it then; none is dropped without being
    reported. Doing it again adds only what is new.

    Example: telemetry import d1 export.sql --data-dir ./data --refused refused.jsonl
    """
    settings = load_settings(config, flags, log_to=sys.stderr)
    os.umask(0o077)
    with _refused_file(refused, [*with_companions(file), Path(settings.data_dir)]) as on_refused:
        judgement, imported = asyncio.run(
            _import(file, settings, on_refused, size_bytes=file.stat().st_size, dry_run=dry_run)
        )
    document = _document(file, judgement, imported, dry_run=dry_run)
    report = msgspec.json.encode(document) if as_json else "\n".join(_lines(file, judgement, imported, dry_run=dry_run))
    click.echo(report, err=refused == STANDARD_OUTPUT)


async def _import(
    file: Path, settings: Settings, on_refused: Refused, *, size_bytes: int, dry_run: bool
) -> tuple[Judgement, Imported]:
    async with AsyncExitStack() as stack:
        directory, aggregates = DataDirectory(Path(settings.data_dir)), None
        if dry_run:
            check_aggregates(directory)
            # Where there is no key yet, nothing is stored that hashes could be compared with.
            id_key = find_key(directory, settings.id_key) or IdKey.random()
            folder = stack.enter_context(temporary())
        else:
            directory, aggregates = await stack.enter_async_context(data_directory(settings))
            id_key = await settle_key(directory, aggregates, settings.id_key)
            folder = stack.enter_context(scratch(directory))
        with progress("Reading", size_bytes) as on_bytes:
            old = stack.enter_context(old_data(file, folder, on_bytes))
        staging = Staging(folder / "staged.db", erasures_by_installation(directory.aggregates), id_key)
        stack.callback(staging.close)
        if dry_run:
            # A file without a name is gone with the process, whatever ends that.
            staging.path.unlink()
        ((rows,),) = old.execute("SELECT count(*) FROM events")
        retention, now = timedelta(days=settings.retention_days), instant(Clock().now())
        with progress("Judging", rows) as on_rows:
            staging.take_events(old, retention, now, on_refused, on_rows)
        staging.take_counters(old, DayLabels(labels_max=settings.daily_labels_max), on_refused)
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


def _document(file: Path, judgement: Judgement, imported: Imported, *, dry_run: bool) -> dict[str, Any]:
    return {
        "file": str(file),
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
    }


def _lines(file: Path, judgement: Judgement, imported: Imported, *, dry_run: bool) -> Iterator[str]:
    would = "would be " if dry_run else ""
    refused, expired = judgement.refused.total(), sum(imported.expired_days.values())
    taken = judgement.kept + judgement.mapped
    events = amount(taken + refused, "event")
    yield f"{file}: {events}, {judgement.kept} kept, {judgement.mapped} mapped, {refused} refused"
    yield from _counts("mapped", judgement.mappings, str)
    yield from _counts("refused", judgement.refused, REASON_SENTENCES.__getitem__)
    yield f"{imported.added} {would}added, {taken - imported.added - expired} were here already"
    for day in imported.days:
        old = "" if day.old_total is None else f", the old worker had counted {day.old_total}"
        recounted = amount(day.recounted, "raw event")
        yield f"{day.day}: {day.added} {would}added; daily_stats recomputed from {recounted}{old}"
    for name, staged in imported.expired_days.items():
        yield f"{name}: {amount(staged, 'event')} counted here before, and removed by retention since; left as it is"
    for name in imported.stats_kept:
        yield f"{name}: no raw events; the old daily_stats {would}taken over"
    for name in imported.stats_left:
        yield f"{name}: no raw events in the file, but counted here; the old daily_stats left out"
    if judgement.counters_refused:
        yield f"daily_stats: {amount(judgement.counters_refused.total(), 'row')} refused"
        yield from _counts("refused", judgement.counters_refused, REASON_SENTENCES.__getitem__)


def _counts(verb: str, counts: dict[str, int], explain: Callable[[str], str]) -> Iterator[str]:
    for name, count in sorted(counts.items()):
        sentence = explain(name)
        yield f"  {verb} {count}: {sentence if sentence == name else f'{name}: {sentence}'}"
