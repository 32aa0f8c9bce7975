"""``telemetry migrate``."""

import asyncio
from pathlib import Path
from typing import Any

import click

from telemetry.app import migrate_all
from telemetry.cli.options import load_settings, settings_options


@click.command("migrate")
@settings_options("environment", "data_dir", "synchronous", "log_format")
@click.option(
    "--accept-loss", is_flag=True, help="Make telemetry.db from scratch if it is missing or empty beside events."
)
def command(config: Path | None, *, accept_loss: bool, **flags: Any) -> None:
    """Bring all databases to this program's schema; serve does so by itself.

    Where telemetry.db was lost and no backup has it, --accept-loss lets the next start count the raw events from
    scratch; statistics of days without raw events, and who was excluded, are gone then.

    Example: telemetry migrate --data-dir ./data
    """
    settings = load_settings(config, flags)
    for name, version in asyncio.run(migrate_all(settings, accept_loss=accept_loss)):
        click.echo(f"{name}  version {version}")
