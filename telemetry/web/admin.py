"""The admin listeners: a socket that only this host's operator can open and, if wanted, a port that shows metrics."""

import asyncio
import logging
import socket
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from telemetry.admin_socket import SOCKET_NAME, socket_path
from telemetry.errors import ErrorCode, Refusal
from telemetry.intake.ledger import Ledger
from telemetry.operator_errors import LimitReachedError, OperatorError, UnavailableError
from telemetry.storage.sqlite.errors import storage_error_code
from telemetry.web.answers import CORS_HEADERS, Answer, json_answer, operator_answer
from telemetry.web.binding import bound, bound_at
from telemetry.web.listening import Listener
from telemetry.web.routing import Routes, answered, find_route, note_answer
from telemetry.web.server import LeanServer
from telemetry.web.shares import Shares
from telemetry.web.tokens import bearer_token, is_token

logger = logging.getLogger(__name__)


class Order(NamedTuple):
    """What the operator may order: the type of the request, the code of a malformed one, and what carries it out.

    The result of ``carry_out`` is sent as JSON.
    """

    request: type[Any]
    invalid: ErrorCode
    carry_out: Callable[[Any], Awaitable[Any]]


_BODY_BYTES_MAX = 65_536
_HELD_BYTES_MAX = 4_194_304
# Connections on each of the two listeners.
ADMIN_CONNECTIONS_MAX = 16
METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class AdminSite:
    """The handlers, and what they need. If there is a ``token``, requests without it are refused.

    Data can be changed only through ``orders``.
    """

    render: Callable[[], bytes]
    ledger: Ledger
    token: str = field(default="", repr=False)
    orders: Mapping[str, Order] = field(default_factory=dict)

    async def answer(self, request: web.BaseRequest) -> Answer:
        """Answer any request; nothing is raised."""
        path, handler = find_route(self._routes(), request)
        answer = await answered(request, handler if self._is_authorized(request) else _refuse)
        # No page in the operator's browser may read these.
        answer.headers = {name: value for name, value in answer.headers.items() if name not in CORS_HEADERS}
        note_answer(self.ledger, path, answer)
        return answer

    def _routes(self) -> Routes:
        metrics: Routes = {"/metrics": {"GET": self._get_metrics}}
        orders: Routes = {path: {"POST": partial(self._post_order, order)} for path, order in self.orders.items()}
        return {**metrics, **orders}

    async def _post_order(self, order: Order, request: web.BaseRequest) -> Answer:
        try:
            asked = msgspec.json.decode(await request.read(), type=order.request)
        except (msgspec.DecodeError, web.HTTPRequestEntityTooLarge) as error:
            raise Refusal(order.invalid) from error
        try:
            return json_answer(msgspec.json.encode(await order.carry_out(asked)))
        except LimitReachedError as error:
            logger.warning("refused an order of the operator", extra={"reason": str(error)})
            return operator_answer(error)
        except (OperatorError, sqlite3.Error, OSError) as error:
            logger.error("could not finish an order of the operator", extra={"reason": str(error)})
            if isinstance(error, OperatorError):
                return operator_answer(error)
            raise Refusal(storage_error_code(error)) from error

    async def _get_metrics(self, _request: web.BaseRequest) -> Answer:
        headers = {"Content-Type": METRICS_CONTENT_TYPE, "Cache-Control": "no-store"}
        return Answer(web.HTTPOk.status_code, self.render(), headers)

    def _is_authorized(self, request: web.BaseRequest) -> bool:
        return not self.token or is_token(bearer_token(request), self.token)


async def _refuse(_request: web.BaseRequest) -> Answer:
    raise Refusal(ErrorCode.UNAUTHORIZED)


class AdminServer:
    """Serves the operator from ``listen_on_...`` to ``stop``; data is changed through the socket alone."""

    def __init__(
        self,
        render: Callable[[], bytes],
        orders: Mapping[str, Order],
        ledger: Ledger,
        *,
        keepalive_timeout_s: float,
        shutdown_timeout_s: float,
    ) -> None:
        self._render = render
        self._orders = orders
        self._ledger = ledger
        self._keepalive_timeout_s = keepalive_timeout_s
        self._shutdown_timeout_s = shutdown_timeout_s
        self._runners: list[web.ServerRunner] = []
        self._listeners: list[Listener] = []
        self._stack = ExitStack()

    async def listen_on_socket(self, data_dir: Path) -> None:
        """Listen on the admin socket of a data directory, which this process has locked: what is left of it is dead."""
        runner = await self._set_up(AdminSite(self._render, self._ledger, orders=self._orders))
        path = self._stack.enter_context(socket_path(data_dir))
        try:
            listening = bound_at(path)
            self._stack.enter_context(_private(Path(path)))
            self._listen(runner, [listening])
        except OSError as error:
            path_shown = data_dir / SOCKET_NAME
            raise UnavailableError(
                f"cannot listen on {path_shown} ({error.strerror}): remove what is there, or choose another --data-dir"
            ) from error

    async def listen_on_port(self, host: str, port: int, token: str) -> None:
        """Listen on an address, for those who send the token if there is one."""
        runner = await self._set_up(AdminSite(self._render, self._ledger, token))
        try:
            self._listen(runner, await bound(host, port))
        except OSError as error:
            raise UnavailableError(
                f"cannot listen on {host}:{port} ({error.strerror}): choose another --admin-port"
            ) from error

    async def stop(self) -> None:
        """Close everything and remove the socket."""
        for listener in self._listeners:
            await listener.stop()
        for runner in self._runners:
            await runner.cleanup()
        self._stack.close()

    def _listen(self, runner: web.ServerRunner, sockets: list[socket.socket]) -> None:
        server = runner.server
        assert isinstance(server, LeanServer)
        listener = Listener(sockets, server, server.shares)
        self._listeners.append(listener)
        listener.start()

    async def _set_up(self, site: AdminSite) -> web.ServerRunner:
        server = LeanServer(
            site.answer,
            body_bytes_max=_BODY_BYTES_MAX,
            keepalive_timeout_s=self._keepalive_timeout_s,
            shares=Shares(
                connections_max=ADMIN_CONNECTIONS_MAX,
                bytes_max=_HELD_BYTES_MAX,
                monotonic=asyncio.get_running_loop().time,
            ),
        )
        runner = web.ServerRunner(server, shutdown_timeout=self._shutdown_timeout_s)
        self._runners.append(runner)
        await runner.setup()
        return runner


@contextmanager
def _private(path: Path) -> Iterator[None]:
    """Keep a socket to its owner, and remove it at the end."""
    path.chmod(0o600)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
