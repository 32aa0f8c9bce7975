"""The short way of a request that came whole and alone: no task, unless there is something to wait for.

Such requests are handled together with those that arrived in the same turn of the loop. Whatever else arrives goes
aiohttp's way: bodies that are still to come, pipelined requests, upgrades, malformed ones.
"""

import asyncio
import sys
from collections.abc import Awaitable
from functools import partial
from typing import Any, cast

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage

from telemetry.web.answers import Answer, LaterAnswer
from telemetry.web.connection import ClientConnection


class QuickConnection(ClientConnection):
    """A connection that answers whole requests the short way. aiohttp's task sleeps and gets all others.

    ``_waiter`` is what that task waits for: while it is taken away nothing wakes the task, and the connection counts
    as one whose request is at work.
    """

    __slots__ = ("_answering",)

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self._answering: asyncio.Task[None] | None = None

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, and have it answered."""
        waiter = self._waiter
        super().data_received(data)
        if waiter is None or waiter.done() or not self._messages:
            return
        if self._close or self._force_close or not self._is_whole_and_alone():
            waiter.set_result(None)
        else:
            self._begin(waiter)

    def _parse(self, data: bytes) -> None:
        waiter, self._waiter = self._waiter, None
        try:
            super()._parse(data)
        finally:
            self._waiter = waiter

    def _is_whole_and_alone(self) -> bool:
        message, content = self._messages[0]
        return (
            len(self._messages) == 1
            and isinstance(message, RawRequestMessage)
            and not message.upgrade
            and content.is_eof()
            and not self._incoming.bytes
        )

    def _begin(self, waiter: "asyncio.Future[None]") -> None:
        self._waiter = None
        self._request_in_progress = True
        self._keepalive = False
        self._limits.turn.add(partial(self._handle, self._next_request(), waiter))

    def _handle(self, request: web.BaseRequest, waiter: "asyncio.Future[None]") -> None:
        answer: Any
        try:
            answer = self._limits.request_handler(request)
        except Exception as error:
            answer = self.handle_error(request, exc=error)
        if isinstance(answer, Answer):
            self._send_or_wait(request, waiter, answer)
        elif isinstance(answer, LaterAnswer):
            answer.when_given(partial(self._send_or_wait, request, waiter))
        else:
            self._wait(request, waiter, answer)

    def _send_or_wait(self, request: web.BaseRequest, waiter: "asyncio.Future[None]", answer: Answer) -> None:
        """Send an answer at once if that needs no waiting: a task costs another turn of the loop."""
        if self.transport is None or self.send_now(request, answer):
            self._keepalive = answer.keep_alive
            self._end(waiter)
        else:
            self._wait(request, waiter, answer)

    def _wait(self, request: web.BaseRequest, waiter: "asyncio.Future[None]", answer: Awaitable[Any]) -> None:
        answering = self._answer(request, answer, waiter)
        if sys.version_info >= (3, 12):
            task = asyncio.Task(answering, loop=self._loop, eager_start=True)
        else:
            task = self._loop.create_task(answering)
        self._answering = None if task.done() else task

    def _next_request(self) -> web.BaseRequest:
        assert self._manager is not None
        assert self._parser is not None
        message, content = self._messages.popleft()
        self._parser.message_consumed()
        self._manager.requests_count += 1
        # Nothing is written but the answer, by the connection itself.
        writer, task = cast(AbstractStreamWriter, None), cast("asyncio.Task[None]", None)
        return self.make_request(cast(RawRequestMessage, message), content, writer, task)

    async def _answer(self, request: web.BaseRequest, answer: Awaitable[Any], waiter: "asyncio.Future[None]") -> None:
        try:
            sent, has_left = await self._handle_request(request, None, lambda _: answer)
            self._keepalive = not has_left and bool(sent.keep_alive)
        except ConnectionError:
            # The client has left.
            pass
        finally:
            self._end(waiter)

    def _end(self, waiter: "asyncio.Future[None]") -> None:
        """Have aiohttp's task go on: with the next request, or with what it does about a connection that is closed."""
        self._answering = None
        self._request_in_progress = False
        if self._handler_waiter is not None and not self._handler_waiter.done():
            # The server is stopping, and waits for the answer.
            self._handler_waiter.set_result(None)
        if waiter.done():
            return
        self._waiter = waiter
        if not self._keepalive or self._close or self._force_close:
            waiter.cancel()
            if self.transport is not None:
                self.transport.close()
        elif self._messages:
            waiter.set_result(None)
        else:
            self._keep()

    def _keep(self) -> None:
        closes_at = self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(closes_at, self._process_keepalive)
