"""Listening, and leaving without a client noticing."""

import asyncio
import socket
from collections.abc import Sequence

from aiohttp import web

from telemetry.errors import StartError
from telemetry.web.application import PublicSite

# Between asking clients to leave with their next answer and closing what is still open.
DRAIN_S = 0.5
# Connections that wait in the kernel, those of a restart among them; systemd's own default for sockets.
BACKLOG = 4_096


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
    """Serves a site from ``start`` to ``stop``, on sockets that it inherits or else on one of its own."""

    def __init__(self, site: PublicSite, *, keepalive_timeout_s: float, shutdown_timeout_s: float) -> None:
        self._site = site
        self._runner = lean_runner(
            site.application(), keepalive_timeout_s=keepalive_timeout_s, shutdown_timeout_s=shutdown_timeout_s
        )

    async def start(self, host: str, port: int, inherited: Sequence[socket.socket] = ()) -> str:
        """Listen, and return the URL to reach the site at; raise ``StartError`` if the address cannot be had.

        Sockets that are inherited outlive the service: what connects while it restarts waits in their queue.
        """
        await self._runner.setup()
        for listening in inherited:
            await web.SockSite(self._runner, listening, backlog=BACKLOG).start()
        if not inherited:
            await self._bind(host, port)
        return _url(self._runner.addresses[0])

    async def stop(self) -> None:
        """Take no new connections, let requests in flight end, then close."""
        self._site.draining = True
        for listener in list(self._runner.sites):
            await listener.stop()
        await asyncio.sleep(DRAIN_S)
        await self._runner.cleanup()

    async def _bind(self, host: str, port: int) -> None:
        try:
            await web.TCPSite(self._runner, host, port, backlog=BACKLOG).start()
        except OSError as error:
            await self._runner.cleanup()
            raise StartError(f"cannot listen on {host}:{port} ({error.strerror}): choose another --port") from error


def _url(address: tuple[str, int] | str) -> str:
    if isinstance(address, str):
        return f"unix:{address}"
    host, port = address[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
