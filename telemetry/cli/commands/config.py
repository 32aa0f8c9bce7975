"""``telemetry config``."""

from pathlib import Path
from typing import Any

import click
import msgspec

from telemetry.cli.options import load_settings, settings_options
from telemetry.settings import describe


@click.command("config")
@settings_options()
def command(config: Path | None, **flags: Any) -> None:
    """Print the effective settings, as TOML.

    Example: TELEMETRY_PORT=9000 telemetry config
    """
    values = msgspec.structs.asdict(load_settings(config, flags))
    for setting in describe():
        # As a comment: what is printed here may become a settings file.
        hidden = setting.secret and values[setting.name]
        value = "***" if hidden else msgspec.json.encode(values[setting.name]).decode()
        click.echo(f"{'# ' if hidden else ''}{setting.name} = {value}")
