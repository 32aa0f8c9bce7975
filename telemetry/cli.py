"""The ``telemetry`` command. Exit codes follow sysexits.h, so that scripts and systemd can tell failures apart."""

import asyncio
import logging
import sqlite3
import sys
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Any

import click
import msgspec

from telemetry import __version__, logs
from telemetry.app import migrate_all, serve
from telemetry.errors import DataDamagedError, DataDirectoryError, LockHeldError, SettingsError, StartError
from telemetry.settings import Settings, describe, load

logger = logging.getLogger(__name__)


class Exit(IntEnum):
    """Exit codes besides 0."""

    DATA_DAMAGED = 65
    UNAVAILABLE = 69
    CANNOT_CREATE = 73
    IO_ERROR = 74
    LOCK_HELD = 75
    CONFIG = 78


_EXITS: dict[type[StartError], Exit] = {
    DataDamagedError: Exit.DATA_DAMAGED,
    DataDirectoryError: Exit.CANNOT_CREATE,
    LockHeldError: Exit.LOCK_HELD,
    SettingsError: Exit.CONFIG,
}


def main() -> None:
    """Run the command line; every expected failure is one sentence on standard error and an exit code."""
    try:
        cli(prog_name="telemetry")
    except StartError as error:
        _fail(str(error), _EXITS.get(type(error), Exit.UNAVAILABLE))
    except sqlite3.Error as error:
        _fail(f"the databases cannot be used ({error}): see that the disk is healthy and has room", Exit.IO_ERROR)


def _fail(sentence: str, code: Exit) -> None:
    click.echo(f"telemetry: {sentence}", err=True)
    sys.exit(code)


def _settings_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command ``--config`` and one option for each setting."""
    for setting in reversed(describe()):
        flag = "--" + setting.name.replace("_", "-")
        command = click.option(flag, metavar=setting.kind, help=f"{setting.description} [{setting.default}]")(command)
    return click.option("--config", type=click.Path(path_type=Path), help="TOML file of settings.")(command)


def _load(config: Path | None, flags: dict[str, Any]) -> Settings:
    settings = load(flags, config=config)
    as_json = settings.log_format == "json" or (
        settings.log_format == "auto" and settings.environment != "development" and not sys.stdout.isatty()
    )
    logs.configure(as_json=as_json)
    return settings


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__)
def cli() -> None:
    """Drift's telemetry service: accepts events, keeps them, counts them, serves the numbers."""


@cli.command("serve")
@_settings_options
def serve_command(config: Path | None, **flags: Any) -> None:
    """Serve until stopped.

    Example: telemetry serve --port 8787 --data-dir ./data
    """
    settings = _load(config, flags)

    def announce(url: str) -> None:
        data = Path(settings.data_dir).resolve()
        if isinstance(logging.getLogger().handlers[0].formatter, logs.JsonFormatter):
            logger.info("listening", extra={"url": url, "data_dir": str(data), "environment": settings.environment})
            return
        click.echo(f"Drift telemetry listens on {url} ({settings.environment})")
        click.echo(f"Data is kept in {data}")
        click.echo(f"POST {url}/v1/events   GET {url}/v1/stats   GET {url}/v1/health")

    asyncio.run(serve(settings, announce))


@cli.command("migrate")
@_settings_options
def migrate_command(config: Path | None, **flags: Any) -> None:
    """Bring all databases to this program's schema; serve does so by itself.

    Example: telemetry migrate --data-dir ./data
    """
    for name, version in asyncio.run(migrate_all(_load(config, flags))):
        click.echo(f"{name}  version {version}")


@cli.command("config")
@_settings_options
def config_command(config: Path | None, **flags: Any) -> None:
    """Print the effective settings, as TOML.

    Example: TELEMETRY_PORT=9000 telemetry config
    """
    for name, value in msgspec.structs.asdict(_load(config, flags)).items():
        click.echo(f"{name} = {msgspec.json.encode(value).decode()}")
