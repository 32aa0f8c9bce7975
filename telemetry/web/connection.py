"""A client's connection: how its requests are read and refused, how answers are sent, and how it ends.

aiohttp parses the requests; what it would do about answers and endings is replaced.
"""

import asyncio
import mmap
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Protocol

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import HttpVersion10, HttpVersion11, RawRequestMessage
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import EMPTY_PAYLOAD
from yarl import URL

from telemetry.errors import ErrorCode, Refusal
from telemetry.web.answers import Answer, text_answer
from telemetry.web.clients import ClientFinder, ClientRequest
from telemetry.web.incoming import Incoming
from telemetry.web.lingering import Lingering
from telemetry.web.malformed import HEADER_BYTES_MAX, HEADERS_MAX, LINE_BYTES_MAX, malformed_answer, status_of
from telemetry.web.shares import ConnectionShare, Shares
from telemetry.web.turns import Turn

# aiohttp takes 0.9 and 2.0 for versions of HTTP/1 too, and a tunnel in 0.9 has no target then. Such requests are
# answered as if they asked for a path that is not served.
_VERSIONS = (HttpVersion11, HttpVersion10)
_NOWHERE = URL("/")
# A slow reader holds no more than this of an answer besides the answer itself, which all its readers share.
_WRITTEN_AT_ONCE = 65_536
# With its head it fits into what a transport holds before it has the connection wait for the client.
_WRITTEN_NOW = _WRITTEN_AT_ONCE - 4_096


class Limits(Protocol):
    """What all connections of a server have in common.

    ``clients`` finds the client network of a peer and of a request; without it each peer is one. ``turn`` has whole
    requests handled, by ``request_handler``.
    """

    body_bytes_max: int
    unread_timeout_s: float
    lingering: Lingering
    shares: Shares
    clients: ClientFinder | None
    turn: Turn
    request_handler: Callable[[web.BaseRequest], Any]


class ClientConnection(web.RequestHandler):
    """One connection of a client. Every answer of its handler is an ``Answer``."""

    __slots__ = ("_content", "_half_closed", "_incoming", "_limits", "_peer_network", "_share", "_upgrade_asked")

    def __init__(self, server: web.Server, limits: Limits, *, keepalive_timeout_s: float) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]
            auto_decompress=False,
            keepalive_timeout=keepalive_timeout_s,
            lingering_time=0,
            max_line_size=LINE_BYTES_MAX,
            max_field_size=HEADER_BYTES_MAX,
            max_headers=HEADERS_MAX,
        )
        self._limits = limits
        self._half_closed = False
        self._upgrade_asked = False
        # The body of the request that is handled.
        self._content: StreamReader = EMPTY_PAYLOAD
        self._incoming = Incoming()
        self._share: ConnectionShare | None = None
        self._peer_network: bytes | None = None

    def make_request(
        self,
        message: RawRequestMessage,
        content: StreamReader,
        writer: AbstractStreamWriter,
        task: "asyncio.Task[None]",
    ) -> web.BaseRequest:
        """Return what the handler is given for a message."""
        self._content, self._upgrade_asked = content, message.upgrade
        if message.version not in _VERSIONS:
            message = message._replace(version=HttpVersion10, url=_NOWHERE, path=_NOWHERE.path)
        request = ClientRequest(
            message, content, self, writer, task, self._loop, client_max_size=self._limits.body_bytes_max
        )
        request.peer_network = self._peer_network
        clients = self._limits.clients
        if clients is not None and self._share is not None and self._share.network is self and not content.is_eof():
            # A trusted proxy sends this body while it arrives; the client that it speaks for has the share.
            self._share.network = clients.find(request)
        return request

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a share in what all connections may hold."""
        super().connection_made(transport)
        peer, clients = transport.get_extra_info("peername"), self._limits.clients
        address = peer[0] if isinstance(peer, tuple) else None
        self._peer_network = None if clients is None else clients.peer_network(address)
        network = address if clients is None else self._peer_network
        self._share = self._limits.shares.enter(self, self if network is None else network)

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, unless the connection only waits for its client to stop sending."""
        if self._limits.lingering.took(self, len(data)) or self._close:
            return
        messages = self._request_count
        self._parse(data)
        incoming = self._incoming
        incoming.add(data, self._messages[-1][1] if self._request_count != messages and self._messages else None)
        if incoming.bytes or (self._share is not None and self._share.bytes):
            self._account()

    def _parse(self, data: bytes) -> None:
        super().data_received(data)

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Read on, if reading was paused: aiohttp asks after every body, and parses nothing to find that out."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Tell whether a client that sends nothing more is still to be answered: its requests came whole."""
        self._half_closed = self.is_at_work() and self.transport is not None
        return self._half_closed

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection."""
        if self._share is not None:
            self._limits.shares.leave(self._share)
        self._limits.lingering.lost(self)
        super().connection_lost(exc)

    def is_at_work(self) -> bool:
        """Tell whether a request came whole and its answer is not made yet."""
        waiting = self._waiter is not None and not self._waiter.done() and not self._messages
        return bool(self._request_count) and not waiting and self._incoming.content.is_eof() and not self._paused

    def evict(self) -> None:
        """Refuse the body that arrives, or else close."""
        if not self._incoming.content.is_eof() and not self._paused:
            self._refuse_body(ErrorCode.BUSY)
        elif self.transport is not None and self._paused:
            self.transport.abort()
        else:
            self.force_close()

    def force_close(self) -> None:
        """Close without waiting for anything."""
        self._limits.lingering.end(self)
        super().force_close()

    async def finish_response(
        self,
        request: web.BaseRequest,
        resp: web.StreamResponse,
        start_time: float | None,  # noqa: ARG002
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer; tell whether the client has left."""
        answer: Any = resp
        assert isinstance(answer, Answer)
        self._decide_what_follows(request, answer)
        try:
            await self._send(request, answer)
        except ConnectionError:
            return resp, True
        except TimeoutError:
            if self.transport is not None:
                self.transport.abort()
            return resp, True
        self._note_sent(request, answer)
        return resp, False

    def send_now(self, request: web.BaseRequest, answer: Answer) -> bool:
        """Send an answer if that needs no waiting for its client; tell whether it was sent."""
        if self.transport is None or self._paused or self.transport.get_write_buffer_size():
            return False
        if len(answer.body) > _WRITTEN_NOW:
            return False
        self._decide_what_follows(request, answer)
        self.transport.write(self._head(request, answer) + _body(request, answer))
        self._note_sent(request, answer)
        return True

    def _decide_what_follows(self, request: web.BaseRequest, answer: Answer) -> None:
        # After an upgrade that is not made, the parser loses what the client has sent together with it.
        answer.keep_alive &= (
            request.keep_alive
            and request.content.is_eof()
            and not self._upgrade_asked
            and not (self._half_closed and not self._messages)
        )

    def _note_sent(self, request: web.BaseRequest, answer: Answer) -> None:
        if self._share is not None:
            self._share.served(self._loop.time())
        if not answer.keep_alive and (request.keep_alive or not request.content.is_eof()):
            self._stop_sending()

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002
    ) -> web.StreamResponse:
        """Return the answer to what is not HTTP; the log gets neither the client's address nor what it sent."""
        answer: Any
        if isinstance(exc, HttpProcessingError):
            answer = malformed_answer(status_of(exc))
        else:
            self.log_exception("a connection failed", exc_info=exc)
            answer = text_answer(status, HTTPStatus(status).phrase)
        return answer  # type: ignore[no-any-return]

    async def _send(self, request: web.BaseRequest, answer: Answer) -> None:
        """Write an answer; raise ``TimeoutError`` if the client takes too long to read a part of it."""
        head, body = self._head(request, answer), _body(request, answer)
        if len(body) <= _WRITTEN_AT_ONCE:
            await self._write(head + body)
            return
        await self._write(head)
        for at in range(0, len(body), _WRITTEN_AT_ONCE):
            await self._write(memoryview(body)[at : at + _WRITTEN_AT_ONCE])

    def _head(self, request: web.BaseRequest, answer: Answer) -> bytes:
        return answer.head(request.version == HttpVersion11, self._keepalive_timeout)

    async def _write(self, data: bytes | memoryview) -> None:
        if self.transport is None:
            raise ConnectionResetError
        self.transport.write(data)
        if self._paused:
            self._hold(self.transport.get_write_buffer_size())
            async with asyncio.timeout(self._limits.unread_timeout_s):
                await self._drain_helper()
            self._hold(0)

    def _account(self) -> None:
        """Refuse a request that is too costly to receive, or note what the connection holds."""
        if self._incoming.head_is_too_large:
            self._refuse_head()
        elif self._incoming.chunks_are_too_small:
            self._refuse_body(ErrorCode.CHUNKS_TOO_SMALL)
        else:
            self._hold(0)

    def _hold(self, unread: int) -> None:
        if self._share is not None:
            self._limits.shares.hold(self._share, self._incoming.bytes + unread)

    def _refuse_body(self, code: ErrorCode) -> None:
        """Have the handler that waits for the body answer with a refusal; nothing more is parsed."""
        self._incoming.content.set_exception(Refusal(code))
        self._close = True

    def _refuse_head(self) -> None:
        """Answer a request whose headers do not end, and close."""
        if self.transport is not None and self._waiter is not None and not self._messages:
            answer = malformed_answer(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            self.transport.write(answer.head(is_http11=True, keepalive_timeout_s=0) + answer.body)
            self._stop_sending()
            self.close()
        else:
            self.force_close()

    def _stop_sending(self) -> None:
        """Close so that the client can read the answer: what it still sends would otherwise reset the connection."""
        if self.transport is not None and self._limits.lingering.begin(self, self.transport):
            # aiohttp closes what it finds here.
            self.transport = None


def _body(request: web.BaseRequest, answer: Answer) -> bytes | mmap.mmap:
    return b"" if request.method == "HEAD" else answer.body
