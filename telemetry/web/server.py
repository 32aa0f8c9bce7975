"""Listening, and leaving without a client noticing."""

import asyncio
import socket
from collections.abc import Awaitable, Iterable, Sequence
from typing import Protocol

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage

from telemetry.operator_errors import UnavailableError
from telemetry.web.answers import Answer
from telemetry.web.binding import bound_to, remove_paths
from telemetry.web.clients import ClientFinder
from telemetry.web.connection import ClientConnection
from telemetry.web.incoming import received_bytes_max
from telemetry.web.lingering import Lingering
from telemetry.web.listening import Listener
from telemetry.web.quick import QuickConnection
from telemetry.web.routing import Handler
from telemetry.web.shares import Shares
from telemetry.web.turns import Turn

# Between asking clients to leave with their next answer and closing what is still open, if anything is.
DRAIN_S = 0.5
_DRAIN_POLL_S = 0.01
# Each is a descriptor, and files need some too: ``telemetry.web.descriptors`` allows fewer where few can be open.
CONNECTIONS_MAX = 8_192
# A client that does not take its answers, or is gone without a word, holds the answers and what it has sent.
UNREAD_TIMEOUT_S = 30.0


class LeanServer(web.Server):
    """aiohttp's server without access log, inflating or cancelling, with connections of ours."""

    def __init__(
        self,
        handler: Handler,
        *,
        body_bytes_max: int,
        keepalive_timeout_s: float,
        shares: Shares,
        unread_timeout_s: float = UNREAD_TIMEOUT_S,
        clients: ClientFinder | None = None,
    ) -> None:
        # aiohttp types its own answers; its connections hand ours to ``ClientConnection`` as they are.
        super().__init__(handler, request_factory=_make_request)  # type: ignore[arg-type]
        self.body_bytes_max = body_bytes_max
        self.unread_timeout_s = unread_timeout_s
        self.lingering = Lingering()
        self.shares = shares
        self.clients = clients
        self.turn = Turn()
        self._keepalive_timeout_s = keepalive_timeout_s

    def __call__(self) -> ClientConnection:
        """Return what is at work on a new connection."""
        return QuickConnection(self, self, keepalive_timeout_s=self._keepalive_timeout_s)


def _make_request(
    message: RawRequestMessage,
    content: StreamReader,
    protocol: web.RequestHandler,
    writer: AbstractStreamWriter,
    task: "asyncio.Task[None]",
) -> web.BaseRequest:
    assert isinstance(protocol, ClientConnection)
    return protocol.make_request(message, content, writer, task)


class Site(Protocol):
    """What is served: it answers every request. While ``draining`` is set it asks clients to leave."""

    draining: bool

    def answer(self, request: web.BaseRequest) -> Awaitable[Answer]:
        """Answer a request, with an ``Answer`` if there is nothing to wait for."""
        ...


class PublicServer:
    """Serves a site from ``start`` to ``stop``, on sockets that it inherits or else on one of its own.

    There are at most ``connections_max``, which hold ``reading_bytes_max`` together: see ``telemetry.web.shares``. One
    whose client takes nothing for ``unread_timeout_s`` is closed.
    """

    def __init__(
        self,
        site: Site,
        *,
        body_bytes_max: int,
        keepalive_timeout_s: float,
        shutdown_timeout_s: float,
        reading_bytes_max: int,
        connections_max: int = CONNECTIONS_MAX,
        unread_timeout_s: float = UNREAD_TIMEOUT_S,
        clients: ClientFinder | None = None,
    ) -> None:
        self._site = site
        self._shares = Shares(
            connections_max=connections_max,
            # One body alone always fits, with its head and what stands around its chunks.
            bytes_max=max(reading_bytes_max, received_bytes_max(body_bytes_max)),
            monotonic=asyncio.get_running_loop().time,
        )
        self._server = LeanServer(
            site.answer,
            body_bytes_max=body_bytes_max,
            keepalive_timeout_s=keepalive_timeout_s,
            shares=self._shares,
            unread_timeout_s=unread_timeout_s,
            clients=clients,
        )
        self._runner = web.ServerRunner(self._server, shutdown_timeout=shutdown_timeout_s)
        self._unread_timeout_s = unread_timeout_s
        self._listener: Listener | None = None
        self._own: list[socket.socket] = []

    async def start(self, hosts: str, port: int, inherited: Sequence[socket.socket] = ()) -> list[str]:
        """Listen, and return the URLs to reach the site at; raise ``UnavailableError`` if an address cannot be had.

        Sockets that are inherited outlive the service: what connects while it restarts waits in their queue.
        """
        await self._runner.setup()
        try:
            if not inherited:
                self._own = await bound_to(hosts, port)
            sockets = self._own or list(inherited)
            self._listener = Listener(sockets, self._server, self._shares)
            self._listener.start()
        except OSError as error:
            raise UnavailableError(
                f"cannot listen on {hosts}, port {port} ({error.strerror}): choose another --port"
            ) from error
        finally:
            if self._listener is None:
                await self._runner.cleanup()
        self._limit_unread(sockets)
        return [_url(listening.getsockname()) for listening in sockets]

    async def stop(self) -> None:
        """Take no new connections, let requests in flight end, then close."""
        self._site.draining = True
        if self._listener is not None:
            # A path is free before the socket closes: another program may take it at once.
            remove_paths(self._own)
            await self._listener.stop()
        await self._drain()
        await self._runner.cleanup()

    async def _drain(self) -> None:
        """Give those who are connected time to leave."""
        for _ in range(round(DRAIN_S / _DRAIN_POLL_S)):
            if not self._server.connections:
                return
            await asyncio.sleep(_DRAIN_POLL_S)

    def _limit_unread(self, sockets: Iterable[socket.socket]) -> None:
        """Set the time limit for answers that are not taken; what is accepted from then on inherits it."""
        for listening in sockets:
            if listening.family in (socket.AF_INET, socket.AF_INET6):
                listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(self._unread_timeout_s * 1e3))


def _url(address: tuple[str, int] | str) -> str:
    if isinstance(address, str):
        return f"unix:{address}"
    host, port = address[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
