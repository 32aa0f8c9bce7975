"""``telemetry config``."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from telemetry.cli.options import settings_options
from telemetry.loading import Loaded, gather
from telemetry.operator_errors import Exit
from telemetry.settings import describe


@click.command("config")
@settings_options()
def command(config: Path | None, **flags: Any) -> None:
    """Print the effective settings as TOML. Errors in them go to standard error; the command then ends with 78.

    Example: TELEMETRY_PORT=9000 telemetry config
    """
    loaded = gather(flags, config=config)
    for line in _lines(loaded):
        click.echo(line)
    for sentence in loaded.ignored:
        click.echo(f"warning: {sentence}", err=True)
    for problem in loaded.problems:
        click.echo(f"telemetry: {problem.sentence}", err=True)
    sys.exit(Exit.CONFIG if loaded.problems else 0)


def _lines(loaded: Loaded) -> Iterator[str]:
    """Return a line for each setting; values that a settings file cannot hold are comments."""
    values = msgspec.structs.asdict(loaded.settings)
    wrong = {problem.setting for problem in loaded.problems}
    for setting in describe():
        value = values[setting.name]
        if setting.secret and value:
            yield f"# {setting.name} = ***"
        elif setting.name in wrong:
            yield f"# {setting.name} is wrong"
        else:
            try:
                yield f"{setting.name} = {msgspec.json.encode(value).decode()}"
            except UnicodeEncodeError:
                yield f"# {setting.name} = {value!a}, which is not UTF-8"
