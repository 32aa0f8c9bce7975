"""The options that commands share: one for each setting."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import click

from telemetry import logs
from telemetry.counting.limits import CountingLimits
from telemetry.loading import load
from telemetry.settings import OF_FORWARDING, Settings, describe


def settings_options(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command ``--config`` and an option for each setting of the service, or for the named ones alone.

    Secrets have none.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for setting in reversed(describe()):
            if not setting.secret and (setting.name in names if names else setting.name not in OF_FORWARDING):
                flag = "--" + setting.name.replace("_", "-")
                text = f"{setting.description} [{setting.default}]"
                command = click.option(flag, metavar=setting.kind, help=text)(command)
        return click.option("--config", type=click.Path(path_type=Path), help="TOML file of settings.")(command)

    return decorate


def load_settings(config: Path | None, flags: dict[str, Any], *, log_to: TextIO | None = None) -> Settings:
    """Return the effective settings, and configure logging as they say; logs go to standard output by default.

    Only errors in settings that the command has flags for, and in secrets, stop it.
    """
    secrets = [setting.name for setting in describe() if setting.secret]
    settings = load(flags, config=config, needed=[*flags, *secrets])
    configure_logs(settings, log_to)
    return settings


def configure_logs(settings: Settings, log_to: TextIO | None = None) -> None:
    """Configure logging as the settings say; logs go to standard output by default."""
    as_json = settings.log_format == "json" or (
        settings.log_format == "auto" and settings.environment != "development" and not sys.stdout.isatty()
    )
    logs.configure(as_json=as_json, stream=log_to)


def counting_limits(settings: Settings) -> CountingLimits:
    """Return the limits of counting that the settings name."""
    return CountingLimits(settings.daily_labels_max, settings.flush_keys_max)
