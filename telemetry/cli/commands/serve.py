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

logger = logging.getLogger(__name__)


@click.command("serve")
@settings_options()
def command(config: Path | None, **flags: Any) -> None:
    """Serve until stopped.

    Example: telemetry serve --port 8787 --data-dir ./data
    """
    settings = load_settings(config, flags)

    def announce(url: str) -> None:
        data = Path(settings.data_dir).resolve()
        if isinstance(logging.getLogger().handlers[0].formatter, logs.JsonFormatter):
            logger.info("listening", extra={"url": url, "data_dir": str(data), "environment": settings.environment})
            return
        first = url.partition(", ")[0]
        # To serve is worth more than to say so.
        with suppress(OSError):
            click.echo(f"Drift telemetry listens on {url} ({settings.environment})")
            click.echo(f"Data is kept in {data}")
            click.echo(f"POST {first}/v1/events   GET {first}/v1/stats   GET {first}/v1/health")

    asyncio.run(serve(settings, announce))
