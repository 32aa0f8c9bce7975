"""``telemetry backup``."""

import os
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from telemetry.cli.arguments import FilePath
from telemetry.cli.options import load_settings, settings_options
from telemetry.cli.output.progress import progress
from telemetry.cli.output.results import print_document
from telemetry.clock import Clock
from telemetry.operator_errors import Exit
from telemetry.storage.aggregates.loss import missing_sentence
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.maintenance.backup import Made, back_up
from telemetry.storage.maintenance.filling import source_bytes
from telemetry.wording import amount


@click.command("backup")
@click.argument("folder", metavar="DIR", type=FilePath(file_okay=False, path_type=Path))
@click.option("--keep", type=click.IntRange(min=1), help="Remove all but the newest so many backups.  [all]")
@click.option("--json", "as_json", is_flag=True, help="Print what was made as one JSON object.")
@settings_options("environment", "data_dir", "log_format")
def command(folder: Path, *, keep: int | None, as_json: bool, config: Path | None, **flags: Any) -> None:
    """Copy the data into a new dated folder below DIR, while a service runs or not, and verify the copy.

    Segments that have not changed since the last backup in DIR are not copied again; they share its file, which is read
    again first. If a segment is missing from the data, no older backup is removed, and the command ends with 1.

    Example: telemetry backup /var/backups/drift --keep 14
    """
    directory = DataDirectory(Path(load_settings(config, flags, log_to=sys.stderr).data_dir))
    os.umask(0o077)
    with progress("Backing up", source_bytes(directory)) as on_bytes:
        made = back_up(directory, folder, Clock(), keep=keep, on_bytes=on_bytes)
    if as_json:
        missing = [state.day for state in made.missing]
        document = {"backup": str(made.folder), "copied": made.copied, "removed": made.removed, "missing": missing}
        print_document(document | msgspec.to_builtins(made.manifest))
    else:
        _print(made)
    sys.exit(Exit.FINDINGS if made.missing else 0)


def _print(made: Made) -> None:
    files = made.manifest.files
    size = sum(file.bytes for file in files)
    click.echo(f"{made.folder}: {amount(len(files), 'file')}, {amount(size, 'byte')}, verified")
    click.echo(f"copied {made.copied}, unchanged {len(files) - made.copied}, backups removed {len(made.removed)}")
    for state in made.missing:
        click.echo(f"error: {state.day}.db: {missing_sentence(state)}")
    if made.missing:
        click.echo("older backups may have what is missing here: none was removed")
