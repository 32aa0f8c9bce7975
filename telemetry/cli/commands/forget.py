"""``telemetry forget``."""

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from telemetry.cli.erasing import SETTINGS, InstallationArgument, erase, parts, report_document, shown
from telemetry.cli.options import load_settings, settings_options
from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest


@click.command("forget")
@click.argument("installation", type=InstallationArgument())
@click.option("--dry-run", is_flag=True, help="Erase nothing; print what would be erased.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as one JSON object.")
@settings_options(*SETTINGS)
def command(installation: str, *, dry_run: bool, as_json: bool, config: Path | None, **flags: Any) -> None:
    """Erase the raw events of an installation, and its row, while a service runs or not.

    Its id is overwritten in all files. The numbers that its events have added to stay: they name no installation. After
    an interruption, the next start finishes the work. Older backups still hold the events.

    INSTALLATION is the id in the project's config file, or the stored form that `export` and `query` show; - reads it
    from standard input, so that neither the shell's history nor the list of processes holds it.

    Example: telemetry forget 5387623e-62a8-468c-9fbe-92f1c6a8b775 --dry-run
    """
    request = ErasureRequest(installation, ErasureKind.FORGET, dry_run)
    erased = erase(load_settings(config, flags, log_to=sys.stderr), request)
    if as_json:
        click.echo(msgspec.json.encode(report_document(erased)))
    else:
        click.echo(shown(erased))
        if erased.events:
            click.echo(f"what {'would remain' if dry_run else 'remains'} is in {parts(erased)}, without its id")
