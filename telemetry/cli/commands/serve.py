"""``telemetry serve``."""

import asyncio
import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from telemetry import logs
from telemetry.app import serve
from telemetry.cli.options import load_settings, settings_options
from telemetry.loading import Loaded, gather
from telemetry.operator_errors import SettingsError
from telemetry.systemd import has_inherited_sockets
from telemetry.web.binding import check_free

logger = logging.getLogger(__name__)


@click.command("serve")
@click.option("--check", is_flag=True, help="Serve nothing; say whether the settings are right and the address free.")
@settings_options()
def command(config: Path | None, *, check: bool, **flags: Any) -> None:
    """Serve until stopped.

    Example: telemetry serve --port 8787 --data-dir ./data
    """
    loaded = gather(flags, config=config)
    if has_inherited_sockets():
        _check_given(loaded)
    settings = load_settings(config, flags)
    if check:
        asyncio.run(check_free(settings.host, settings.port))
        click.echo("the settings are right, and the address is free")
        return
    for sentence in loaded.ignored:
        logger.warning(sentence)

    def announce(url: str) -> None:
        data = Path(settings.data_dir).resolve()
        if isinstance(logging.getLogger().handlers[0].formatter, logs.JsonFormatter):
            logger.info("listening", extra={"url": url, "data_dir": str(data), "environment": settings.environment})
            return
        first = url.partition(", ")[0]
        # Go on serving if these lines cannot be printed.
        with suppress(OSError):
            click.echo(f"Drift telemetry listens on {url} ({settings.environment})")
            click.echo(f"Data is kept in {data}")
            click.echo(f"POST {first}/v1/events   GET {first}/v1/stats   GET {first}/v1/health")

    asyncio.run(serve(settings, announce))


def _check_given(loaded: Loaded) -> None:
    """Raise ``SettingsError`` if an address was given where the service manager has opened the sockets."""
    for name in ("host", "port"):
        if given := loaded.given.get(name):
            raise SettingsError(
                f"setting {name}: {given.source} says {given.value!r}, and the socket unit decides where the service "
                "listens: take the setting away, and change the unit with `make install ENV=... PORT=...`, or "
                "ListenStream= with `systemctl edit drift-telemetry@....socket`"
            )
