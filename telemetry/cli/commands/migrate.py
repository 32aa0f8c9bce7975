"""``telemetry migrate``."""

import asyncio
from pathlib import Path
from typing import Any

import click

from telemetry.cli.options import load_settings, settings_options
from telemetry.owning import migrate_all


@click.command("migrate")
@settings_options("environment", "data_dir", "synchronous", "log_format")
@click.option(
    "--accept-loss", is_flag=True, help="Make telemetry.db from scratch if it is missing or empty beside events."
)
@click.option("--accept-new-id-key", is_flag=True, help="Make a new key of hashed ids if id.key is lost for good.")
def command(config: Path | None, *, accept_loss: bool, accept_new_id_key: bool, **flags: Any) -> None:
    """Bring all databases to this program's schema; serve does so by itself.

    Where telemetry.db was lost and no backup has it, --accept-loss lets the next start count the raw events from
    scratch; statistics of days without raw events, and who was excluded, are gone then.

    Where id.key was lost too, --accept-new-id-key makes a new one: installations with hashed ids count as new ones from
    then on, and what they sent before is erased only by the id as it is stored.

    Example: telemetry migrate --data-dir ./data
    """
    settings = load_settings(config, flags)
    for name, version in asyncio.run(
        migrate_all(settings, accept_loss=accept_loss, accept_new_id_key=accept_new_id_key)
    ):
        click.echo(f"{name}  version {version}")
