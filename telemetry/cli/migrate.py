"""``telemetry migrate``."""

import asyncio
from pathlib import Path
from typing import Any

import click

from telemetry.app import migrate_all
from telemetry.cli.options import load_settings, settings_options


@click.command("migrate")
@settings_options("environment", "data_dir", "synchronous", "log_format")
def command(config: Path | None, **flags: Any) -> None:
    """Bring all databases to this program's schema; serve does so by itself.

    Example: telemetry migrate --data-dir ./data
    """
    for name, version in asyncio.run(migrate_all(load_settings(config, flags))):
        click.echo(f"{name}  version {version}")
