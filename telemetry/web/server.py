"""Listening, and leaving without a client noticing."""

import asyncio
import socket
from collections.abc import Sequence
from typing import Protocol

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import HttpVersion10, HttpVersion11, RawRequestMessage
from yarl import URL

from telemetry.errors import StartError
from telemetry.web.routing import Handler

# Between asking clients to leave with their next answer and closing what is still open.
DRAIN_S = 0.5
# aiohttp takes 0.9 and 2.0 for versions of HTTP/1 too, and a tunnel in 0.9 has no target then. Such requests are
# answered as if they asked for a path that is not served.
_VERSIONS = (HttpVersion11, HttpVersion10)
_NOWHERE = URL("/")
# Connections that wait in the kernel, those of a restart among them; systemd's own default for sockets.
BACKLOG = 4_096


def lean_runner(
    handler: Handler, *, body_bytes_max: int, keepalive_timeout_s: float, shutdown_timeout_s: float
) -> web.ServerRunner:
    """Return what serves a handler without access log, inflating, lingering or cancelling."""
    loop = asyncio.get_running_loop()

    def make_request(
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: "asyncio.Task[None]",
    ) -> web.BaseRequest:
        if message.version not in _VERSIONS:
            message = message._replace(version=HttpVersion10, url=_NOWHERE)
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=body_bytes_max)

    server = web.Server(
        handler,
        request_factory=make_request,
        access_log=None,
        auto_decompress=False,
        handler_cancellation=False,
        keepalive_timeout=keepalive_timeout_s,
        lingering_time=0,
    )
    return web.ServerRunner(server, shutdown_timeout=shutdown_timeout_s)


class Site(Protocol):
    """What is served: it answers every request. While ``draining`` is set it asks clients to leave."""

    draining: bool

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request."""
        ...


class PublicServer:
    """Serves a site from ``start`` to ``stop``, on sockets that it inherits or else on one of its own."""

    def __init__(
        self, site: Site, *, body_bytes_max: int, keepalive_timeout_s: float, shutdown_timeout_s: float
    ) -> None:
        self._site = site
        self._runner = lean_runner(
            site.answer,
            body_bytes_max=body_bytes_max,
            keepalive_timeout_s=keepalive_timeout_s,
            shutdown_timeout_s=shutdown_timeout_s,
        )
        self._listeners: list[asyncio.Server] = []

    async def start(self, host: str, port: int, inherited: Sequence[socket.socket] = ()) -> str:
        """Listen, and return the URL to reach the site at; raise ``StartError`` if the address cannot be had.

        Sockets that are inherited outlive the service: what connects while it restarts waits in their queue.
        """
        await self._runner.setup()
        handler, loop = self._runner.server, asyncio.get_running_loop()
        assert handler is not None  # setup() has made it.
        try:
            for listening in inherited:
                self._listeners.append(await loop.create_server(handler, sock=listening, backlog=BACKLOG))
            if not inherited:
                self._listeners.append(await loop.create_server(handler, host, port, backlog=BACKLOG))
        except OSError as error:
            await self._runner.cleanup()
            raise StartError(f"cannot listen on {host}:{port} ({error.strerror}): choose another --port") from error
        return _url(self._listeners[0].sockets[0].getsockname())

    async def stop(self) -> None:
        """Take no new connections, let requests in flight end, then close."""
        self._site.draining = True
        loop = asyncio.get_running_loop()
        for listener in self._listeners:
            for listening in listener.sockets:
                loop.remove_reader(listening)
        # A connection that was just taken is set up in the next turn of the loop. If its listener is closed by then,
        # asyncio drops it without a word.
        await asyncio.sleep(0)
        for listener in self._listeners:
            listener.close()
        await asyncio.sleep(DRAIN_S)
        await self._runner.cleanup()


def _url(address: tuple[str, int] | str) -> str:
    if isinstance(address, str):
        return f"unix:{address}"
    host, port = address[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
