"""``telemetry config``."""

from pathlib import Path
from typing import Any

import click
import msgspec

from telemetry.cli.options import load_settings, settings_options


@click.command("config")
@settings_options()
def command(config: Path | None, **flags: Any) -> None:
    """Print the effective settings, as TOML.

    Example: TELEMETRY_PORT=9000 telemetry config
    """
    for name, value in msgspec.structs.asdict(load_settings(config, flags)).items():
        click.echo(f"{name} = {msgspec.json.encode(value).decode()}")
