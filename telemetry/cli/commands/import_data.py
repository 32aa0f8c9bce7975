"""``telemetry import``."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from telemetry.catalogue.stored_ids import IdKey
from telemetry.cli.arguments import FilePath
from telemetry.cli.importing import Origin, Source, import_options, import_settings, run_import
from telemetry.storage.imports.old_worker import old_data, with_companions
from telemetry.storage.sqlite.copying import Progress


@click.group("import")
def command() -> None:
    """Take over the data of another program.

    Example: telemetry import d1 export.sql --dry-run
    """


@command.command("d1")
@click.argument("file", type=FilePath(exists=True, dir_okay=False, path_type=Path))
@import_options
def d1(file: Path, *, dry_run: bool, refused: str | None, as_json: bool, config: Path | None, **flags: Any) -> None:
    """Take over the old worker's data: its SQL export, or its database file with the -wal beside it.

    No service may run. Each row is judged as if this service had received it then; none is dropped without being
    reported. Doing it again adds only what is new. Tables, views and triggers that are not the old worker's are passed
    over, and an export may be without its schema.

    Example: telemetry import d1 export.sql --data-dir ./data --refused refused.jsonl
    """

    @contextmanager
    def opened(folder: Path, _id_key: IdKey, on_bytes: Progress) -> Iterator[Source]:
        with old_data(file, folder, on_bytes) as old:
            yield old

    origin = Origin(str(file), "the old worker", with_companions(file), file.stat().st_size, opened)
    run_import(origin, import_settings(config, flags), dry_run=dry_run, refused=refused, as_json=as_json)
