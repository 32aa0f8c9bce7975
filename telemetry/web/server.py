"""Listening, and leaving without a client noticing."""

import asyncio

from aiohttp import web

from telemetry.errors import StartError
from telemetry.web.application import PublicSite

# Between asking clients to leave with their next answer and closing what is still open.
DRAIN_S = 0.5


def lean_runner(
    application: web.Application, *, keepalive_timeout_s: float, shutdown_timeout_s: float
) -> web.AppRunner:
    """Return what serves an application without access log, inflating, lingering or cancelling."""
    return web.AppRunner(
        application,
        access_log=None,
        auto_decompress=False,
        handler_cancellation=False,
        keepalive_timeout=keepalive_timeout_s,
        lingering_time=0,
        shutdown_timeout=shutdown_timeout_s,
    )


class PublicServer:
    """Serves a site on one address from ``start`` to ``stop``."""

    def __init__(self, site: PublicSite, *, keepalive_timeout_s: float, shutdown_timeout_s: float) -> None:
        self._site = site
        self._runner = lean_runner(
            site.application(), keepalive_timeout_s=keepalive_timeout_s, shutdown_timeout_s=shutdown_timeout_s
        )
        self._listener: web.TCPSite | None = None

    async def start(self, host: str, port: int) -> str:
        """Listen, and return the URL to reach the site at; raise ``StartError`` if the address cannot be had."""
        await self._runner.setup()
        self._listener = web.TCPSite(self._runner, host, port)
        try:
            await self._listener.start()
        except OSError as error:
            await self._runner.cleanup()
            raise StartError(f"cannot listen on {host}:{port} ({error.strerror}): choose another --port") from error
        bound_host, bound_port = self._runner.addresses[0][:2]
        return f"http://[{bound_host}]:{bound_port}" if ":" in bound_host else f"http://{bound_host}:{bound_port}"

    async def stop(self) -> None:
        """Take no new connections, let requests in flight end, then close."""
        self._site.draining = True
        if self._listener is not None:
            await self._listener.stop()
            await asyncio.sleep(DRAIN_S)
        await self._runner.cleanup()
