"""``telemetry import``."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from telemetry.catalogue.stored_ids import IdKey
from telemetry.cli.arguments import FilePath
from telemetry.cli.importing import Origin, Source, import_options, import_settings, run_import
from telemetry.operator_errors import NoDataError
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.imports.exported import ExportedEvents, exported_files
from telemetry.storage.imports.old_worker import old_data, with_companions
from telemetry.storage.sqlite.copying import Progress
from telemetry.wording import amount


@click.group("import")
def command() -> None:
    """Import the old worker's data, or exported events. `telemetry merge` imports another instance.

    Example: telemetry import d1 export.sql --dry-run
    """


@command.command("d1")
@click.argument("file", type=FilePath(exists=True, dir_okay=False, path_type=Path))
@import_options
def d1(file: Path, *, dry_run: bool, refused: str | None, as_json: bool, config: Path | None, **flags: Any) -> None:
    """Import the old worker's data: its SQL export, or its database file with the -wal beside it.

    No service may run. Each row is judged as if this service had received it at its time, and every row that is not
    imported is reported. Importing the same data again adds only new rows. Tables, views and triggers that are not the
    old worker's are skipped, and an export may lack its schema.

    Example: telemetry import d1 export.sql --data-dir ./data --refused refused.jsonl
    """

    @contextmanager
    def opened(folder: Path, _id_key: IdKey, on_bytes: Progress) -> Iterator[Source]:
        with old_data(file, folder, on_bytes) as old:
            yield old

    origin = Origin(str(file), "the old worker", with_companions(file), file.stat().st_size, opened)
    run_import(origin, import_settings(config, flags), dry_run=dry_run, refused=refused, as_json=as_json)


@command.command("events")
@click.argument("files", nargs=-1, required=True, type=FilePath(exists=True, path_type=Path))
@click.option("--same-id-key", is_flag=True, help="Hashed ids in the files were made with the id.key of this instance.")
@import_options
def events(
    files: tuple[Path, ...],
    *,
    same_id_key: bool,
    dry_run: bool,
    refused: str | None,
    as_json: bool,
    config: Path | None,
    **flags: Any,
) -> None:
    """Import what `telemetry export events` wrote as JSON lines or CSV; FILES may be folders of such files.

    No service may run. Events are judged as if this service had received them at their time, and counted. Importing the
    same files again adds only new events. An export does not say which id.key its ids were hashed with: it is refused
    unless one of these ids is known here, or you give --same-id-key.

    Example: telemetry import events ./events/ --dry-run
    """
    settings, found = import_settings(config, flags), exported_files(files)
    if not found:
        raise NoDataError(f"{files[0]} has no events*.jsonl or events*.csv: name what `telemetry export events` wrote")
    aggregates = DataDirectory(Path(settings.data_dir)).aggregates

    @contextmanager
    def opened(_folder: Path, _id_key: IdKey, on_bytes: Progress) -> Iterator[Source]:
        yield ExportedEvents(found, aggregates, same_key=same_id_key, on_bytes=on_bytes)

    name = str(found[0]) if len(found) == 1 else f"{found[0]} and {amount(len(found) - 1, 'other file')}"
    origin = Origin(name, "the export", found, sum(path.stat().st_size for path in found), opened, logged=True)
    run_import(origin, settings, dry_run=dry_run, refused=refused, as_json=as_json)
