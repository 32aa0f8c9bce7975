"""``telemetry restore``."""

import os
from pathlib import Path
from typing import Any

import click

from telemetry.cli.arguments import FilePath
from telemetry.cli.options import load_settings, settings_options
from telemetry.cli.output.progress import progress
from telemetry.clock import Clock
from telemetry.operator_errors import DataDirectoryError
from telemetry.storage.aggregates.loss import missing_sentence
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.own_files import bytes_below
from telemetry.storage.maintenance.backups import read_manifest
from telemetry.storage.maintenance.restore import check_apart, choose, occupied, restore
from telemetry.wording import amount, were


@click.command("restore")
@click.argument("folder", metavar="DIR", type=FilePath(exists=True, file_okay=False, path_type=Path))
@click.option("--to", "target", type=FilePath(path_type=Path), help="Data directory, if not that of the settings.")
@click.option("--force", is_flag=True, help="Move what the data directory holds aside, into a folder in it.")
@settings_options("environment", "data_dir", "log_format")
def command(folder: Path, *, target: Path | None, force: bool, config: Path | None, **flags: Any) -> None:
    """Put a backup into the data directory; no service may run there. DIR is one backup, or the folder of several.

    Every file is verified before anything is changed. The next start replays to exact numbers.

    Example: telemetry restore /var/backups/drift --data-dir ./data
    """
    directory = DataDirectory(target or Path(load_settings(config, flags).data_dir))
    backup = choose(folder)
    manifest = read_manifest(backup)
    check_apart(directory, backup)
    os.umask(0o077)
    directory.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with directory.locked("--to"):
        if not force and (present := occupied(directory)):
            raise DataDirectoryError(
                f"{directory.root} is not empty ({present[0].name}): add --force to move what it holds aside, "
                "or choose another directory with --to"
            )
        with progress("Restoring", sum(file.bytes for file in manifest.files)) as on_bytes:
            restored = restore(directory, backup, manifest, Clock(), on_bytes=on_bytes)
    click.echo(f"{directory.root}: restored {amount(len(manifest.files), 'file')} of {backup}")
    if restored.erased_again:
        again = amount(restored.erased_again, "installation")
        click.echo(f"{again} {were(restored.erased_again)} erased since: the next start does that again")
    for path in restored.unread:
        click.echo(f"{path} could not be read: installations that were erased since {manifest.made_at} may be back")
    for state in restored.missing:
        click.echo(f"error: {state.day}.db: {missing_sentence(state)}")
    if restored.aside:
        size = bytes_below(restored.aside)
        click.echo(f"what was there is in {restored.aside}, {size} bytes: remove it when it is no longer needed")
