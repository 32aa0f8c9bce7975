"""``telemetry backup``."""

import os
import subprocess
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

# The variable that tells the command of --then the folder of the backup.
_BACKUP_VARIABLE = "BACKUP"


@click.command("backup")
@click.argument("folder", metavar="DIR", type=FilePath(file_okay=False, path_type=Path))
@click.option("--keep", type=click.IntRange(min=1), help="Remove all but the newest so many backups.  [all]")
@click.option(
    "--then", "follow_up", metavar="COMMAND", help="Run this in a shell afterwards; $BACKUP is the new folder."
)
@click.option("--json", "as_json", is_flag=True, help="Print what was made as one JSON object.")
@settings_options("environment", "data_dir", "log_format")
def command(
    folder: Path, *, keep: int | None, follow_up: str | None, as_json: bool, config: Path | None, **flags: Any
) -> None:
    """Copy the data into a new dated folder below DIR, while a service runs or not, and verify the copy.

    Segments that have not changed since the last backup in DIR are not copied again: both backups share one file, which
    is verified first. If a segment is missing from the data, no older backup is removed. The command then ends with 1,
    as it does when the command of --then fails.

    Example: telemetry backup /var/backups/drift --keep 14
    """
    directory = DataDirectory(Path(load_settings(config, flags, log_to=sys.stderr).data_dir))
    os.umask(0o077)
    with progress("Backing up", source_bytes(directory)) as on_bytes:
        made = back_up(directory, folder, Clock(), keep=keep, on_bytes=on_bytes)
    if as_json:
        print_document(_document(made))
    else:
        _print(made)
    followed = follow_up is None or _follow_up(follow_up, made.folder)
    sys.exit(Exit.FINDINGS if made.missing or not followed else 0)


def _document(made: Made) -> dict[str, Any]:
    document = {
        "backup": str(made.folder),
        "copied": len(made.filled.copied),
        "bytes_shared": sum(file.bytes for file in made.filled.shared),
        "removed": made.removed,
        "missing": [state.day for state in made.missing],
    }
    return document | dict(msgspec.to_builtins(made.manifest))


def _print(made: Made) -> None:
    files, shared = made.manifest.files, made.filled.shared
    size, shared_size = sum(file.bytes for file in files), sum(file.bytes for file in shared)
    click.echo(f"{made.folder}: {amount(len(files), 'file')}, {amount(size, 'byte')}, verified")
    click.echo(
        f"takes {amount(size - shared_size, 'byte')} of the disk: {amount(len(shared), 'file')} shared with the backup "
        f"before; backups removed: {len(made.removed)}"
    )
    for state in made.missing:
        click.echo(f"error: {state.day}.db: {missing_sentence(state)}")
    if made.missing:
        click.echo("older backups may have what is missing here: none was removed")


def _follow_up(line: str, backup: Path) -> bool:
    """Run a line in a shell; print an error and return False if it fails. Its output goes to standard error."""
    sys.stdout.flush()
    variables = os.environ | {_BACKUP_VARIABLE: str(backup.resolve())}
    ended = subprocess.run(["/bin/sh", "-c", line], env=variables, stdout=sys.stderr.fileno(), check=False)
    if ended.returncode:
        click.echo(f"error: the backup is complete, and the command after it ended with {ended.returncode}", err=True)
    return not ended.returncode
