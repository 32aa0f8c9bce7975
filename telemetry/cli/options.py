"""The options that commands share: one for each setting."""

import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import click

from telemetry import logs
from telemetry.settings import Settings, describe, load
from telemetry.storage.data_directory import DataDirectory


def settings_options(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command ``--config`` and an option for each setting, or for the named ones alone."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for setting in reversed(describe()):
            if not names or setting.name in names:
                flag = "--" + setting.name.replace("_", "-")
                text = f"{setting.description} [{setting.default}]"
                command = click.option(flag, metavar=setting.kind, help=text)(command)
        return click.option("--config", type=click.Path(path_type=Path), help="TOML file of settings.")(command)

    return decorate


def load_settings(config: Path | None, flags: dict[str, Any]) -> Settings:
    """Return the effective settings, and log as they say."""
    settings = load(flags, config=config)
    as_json = settings.log_format == "json" or (
        settings.log_format == "auto" and settings.environment != "development" and not sys.stdout.isatty()
    )
    logs.configure(as_json=as_json)
    return settings


def data_to_read(config: Path | None, flags: dict[str, Any]) -> DataDirectory:
    """Return the data directory that the settings name; raise ``StartError`` unless a service has kept data there."""
    directory = DataDirectory(Path(load_settings(config, flags).data_dir))
    directory.check_data()
    return directory


class Day(click.ParamType[str]):
    """A UTC day such as 2026-11-23."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the day as the files are named after it."""
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            self.fail(f"{value!r} is no day such as 2026-11-23", param, ctx)


class ServiceUrl(click.ParamType[str]):
    """The address of a service, such as http://127.0.0.1:8787."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the address without a slash at its end."""
        if not value.startswith(("http://", "https://")):
            self.fail(f"{value!r} is no address such as http://127.0.0.1:8787", param, ctx)
        return str(value).rstrip("/")
