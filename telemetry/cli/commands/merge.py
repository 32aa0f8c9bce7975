"""``telemetry merge``."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from telemetry.catalogue.stored_ids import IdKey
from telemetry.cli.arguments import FilePath
from telemetry.cli.importing import Origin, Source, import_options, import_settings, run_import
from telemetry.operator_errors import DataDirectoryError, NoDataError
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.imports.instance import OtherInstance
from telemetry.storage.maintenance.restore import choose
from telemetry.storage.sqlite.copying import Progress


@click.command("merge")
@click.argument("folder", metavar="DIR", type=FilePath(exists=True, file_okay=False, path_type=Path))
@import_options
def command(
    folder: Path, *, dry_run: bool, refused: str | None, as_json: bool, config: Path | None, **flags: Any
) -> None:
    """Add the events of another instance to this one. DIR is its data directory, or a backup of it.

    No service may run here. Events are judged as if this service had received them at their time, and counted. For days
    without raw events, statistics are taken over if this instance has none, but signatures and decisions are not: merge
    the younger instance into the older one. Public numbers that are made already stay as they are. Merging again adds
    only new events. The other instance is not changed.

    Installation ids that were hashed with another id.key are refused.

    Example: telemetry merge /var/backups/staging --dry-run
    """
    settings = import_settings(config, flags)
    other = DataDirectory(folder if (folder / "telemetry.db").exists() else _backup(folder))
    if Path(settings.data_dir).exists() and other.root.samefile(settings.data_dir):
        raise DataDirectoryError(f"{folder} is the data directory itself: name that of another instance, or a backup")

    @contextmanager
    def opened(_folder: Path, id_key: IdKey, on_bytes: Progress) -> Iterator[Source]:
        instance = OtherInstance(other, on_bytes)
        instance.check_key(id_key)
        yield instance

    size_bytes = sum(path.stat().st_size for path in other.segments().values())
    origin = Origin(
        str(other.root), "the other instance", [other.root], size_bytes, opened, other.aggregates, logged=True
    )
    run_import(origin, settings, dry_run=dry_run, refused=refused, as_json=as_json)


def _backup(folder: Path) -> Path:
    try:
        return choose(folder)
    except NoDataError as error:
        raise NoDataError(
            f"{folder} is neither a data directory nor a backup: name the folder with the other instance's "
            "telemetry.db, or a folder that `telemetry backup` made"
        ) from error
