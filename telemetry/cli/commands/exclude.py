"""``telemetry exclude``."""

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from telemetry.cli.erasing import SETTINGS, InstallationArgument, erase, parts, report_document, shown
from telemetry.cli.options import load_settings, settings_options
from telemetry.published.examination import WHEN_CORRECTED
from telemetry.storage.erasure.requests import Erased, ErasureKind, ErasureRequest


@click.command("exclude")
@click.argument("installation", type=InstallationArgument())
@click.option("--dry-run", is_flag=True, help="Exclude nobody; print what that would change.")
@click.option("--undo", is_flag=True, help="Have its new events counted again; what was erased stays erased.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as one JSON object.")
@settings_options(*SETTINGS)
def command(installation: str, *, dry_run: bool, undo: bool, as_json: bool, config: Path | None, **flags: Any) -> None:
    """Undo what a vandal has sent, and drop what it sends from now on, while a service runs or not.

    What its events of the retained days have added is subtracted from every number, and they are erased as `forget`
    does. From then on its events are acknowledged and dropped. Only the SHA-256 of its id is kept.

    INSTALLATION is the id in the project's config file, or the stored form that `export` and `query` show; - reads it
    from standard input, so that neither the shell's history nor the list of processes holds it.

    Example: telemetry exclude 5387623e-62a8-468c-9fbe-92f1c6a8b775 --dry-run
    """
    request = ErasureRequest(installation, ErasureKind.UNDO if undo else ErasureKind.EXCLUDE, dry_run)
    erased = erase(load_settings(config, flags, log_to=sys.stderr), request)
    if as_json:
        click.echo(msgspec.json.encode(report_document(erased)))
    elif undo:
        click.echo(_undone(erased))
    else:
        _print(erased, "would be " if dry_run else "")


def _print(erased: Erased, would_be: str) -> None:
    click.echo(shown(erased))
    if erased.events:
        click.echo(f"{would_be}subtracted from {parts(erased)}")
        click.echo(f"public numbers follow {WHEN_CORRECTED}")
    else:
        click.echo(f"what it sends {'would be' if would_be else 'is'} dropped from now on; --undo ends that")


def _undone(erased: Erased) -> str:
    if not erased.undone:
        return "it is not excluded: nothing changes"
    return "its new events would be counted again" if erased.dry_run else "its new events are counted again"
