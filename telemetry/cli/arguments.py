"""Arguments of the commands that look at data: where it is, and the kinds of values that options take."""

import os
import pwd
from datetime import date
from pathlib import Path
from typing import Any

import click

from telemetry.clock import Clock, column_time, day_of
from telemetry.loading import expanded, load
from telemetry.storage.directory.data_directory import DataDirectory

_STANDARD_INPUT = "-"


def data_to_read(config: Path | None, flags: dict[str, Any]) -> DataDirectory:
    """Return the data directory that the settings name; raise ``NoDataError`` unless a service has kept data there."""
    directory = DataDirectory(Path(load(flags, config=config, needed=flags).data_dir))
    directory.check_data()
    return directory


class FilePath(click.Path):
    """A path. A ``~`` at its beginning is the home directory, even if the shell did not replace it.

    If the path must exist, the error tells a path that this user may not read from one that does not exist.
    """

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """Return the path as the type demands."""
        path = expanded(os.fspath(value))
        if self.exists and not (path == _STANDARD_INPUT and self.allow_dash) and _is_closed(path):
            user = _user()
            self.fail(
                f"{path!r} cannot be read by the user {user}: let that user enter the folders above it, and "
                f"`chown -R {user} {path}`, or copy it to where that user may read",
                param,
                ctx,
            )
        return super().convert(path, param, ctx)


def _is_closed(path: str) -> bool:
    """Tell whether this user may not read a file or folder, or may not even see whether it exists."""
    try:
        os.stat(path)  # noqa: PTH116 - Path.exists takes what may not be looked at for absent
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return not os.access(path, os.R_OK)


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


class Day(click.ParamType[str]):
    """A UTC day such as 2026-11-23."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the day as the files are named after it."""
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            self.fail(f"{value!r} is not a day such as 2026-11-23", param, ctx)


class PastDay(Day):
    """A UTC day that is not later than the present one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the day as the files are named after it."""
        day, today = super().convert(value, param, ctx), day_of(column_time(Clock().now()))
        if day > today:
            self.fail(f"{day} is to come: give {today}, the present day, or an earlier day", param, ctx)
        return day


class ServiceUrl(click.ParamType[str]):
    """The address of a service, such as http://127.0.0.1:8787."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the address without a slash at its end."""
        if not value.startswith(("http://", "https://")):
            self.fail(f"{value!r} is not an address such as http://127.0.0.1:8787", param, ctx)
        return str(value).rstrip("/")
