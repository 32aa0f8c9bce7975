"""Requests that come whole and alone are answered the short way; all others go the long one, and both keep order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from telemetry.web.answers import Answer, LaterAnswer
from telemetry.web.quick import QuickConnection
from telemetry.web.server import DRAIN_S, PublicServer
from telemetry.web.turns import Turn

KEEPALIVE_S = 0.2


class _Site:
    """Answers with the body of a request and, on ``/slow``, later than an idle connection would be closed.

    The answer to ``/ready`` and a size is there without a task, and so is that to ``/later`` once ``later`` gives it.
    """

    draining = False

    def __init__(self) -> None:
        self.at_work = asyncio.Event()
        self.later = LaterAnswer()

    def answer(self, request: web.BaseRequest) -> Awaitable[Answer]:
        if request.path == "/unready":
            raise ZeroDivisionError
        if request.path.startswith("/ready"):
            size = int(request.path.removeprefix("/ready/"))
            return Answer(200, b"r" * size, keep_alive=not self.draining)
        if request.path == "/later":
            self.at_work.set()
            return self.later
        return self._answer(request)

    async def _answer(self, request: web.BaseRequest) -> Answer:
        self.at_work.set()
        if request.path == "/broken":
            raise ZeroDivisionError
        if request.path == "/slow":
            await asyncio.sleep(KEEPALIVE_S * 2)
        return Answer(200, await request.read(), keep_alive=not self.draining)


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[PublicServer, _Site, asyncio.StreamReader, asyncio.StreamWriter]]:
    site = _Site()
    server = PublicServer(
        site, body_bytes_max=1_000, reading_bytes_max=100_000, keepalive_timeout_s=KEEPALIVE_S, shutdown_timeout_s=2
    )
    port = urlsplit((await server.start("127.0.0.1", 0))[0]).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield server, site, reader, writer
    finally:
        writer.close()
        if not site.draining:
            await server.stop()


def request(body: bytes, path: bytes = b"/", *lines: bytes) -> bytes:
    head = b"\r\n".join([b"POST %s HTTP/1.1" % path, b"Host: t", b"Content-Length: %d" % len(body), *lines])
    return head + b"\r\n\r\n" + body


async def read(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Return the status line and the body of the next answer."""
    async with asyncio.timeout(5):
        head = await reader.readuntil(b"\r\n\r\n")
        (length,) = [line[16:] for line in head.split(b"\r\n") if line.startswith(b"Content-Length: ")]
        return head.split(b"\r\n")[0], await reader.readexactly(int(length))


async def nothing_is_left(server: PublicServer) -> None:
    """Return when no connection and no other task are left."""
    async with asyncio.timeout(5):
        while server._server.connections or len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


OK = b"HTTP/1.1 200 OK"


async def test_a_request_that_takes_longer_than_an_idle_connection_is_kept_is_answered() -> None:
    async with listening() as (_, _, reader, writer):
        writer.write(request(b"first", b"/slow"))
        assert await read(reader) == (OK, b"first")
        writer.write(request(b"second"))
        assert await read(reader) == (OK, b"second")
        # The connection is idle now.
        async with asyncio.timeout(5):
            assert await reader.read() == b""


@pytest.mark.parametrize("pieces", [1, 2, 7])
async def test_requests_that_come_meanwhile_are_answered_in_order(pieces: int) -> None:
    async with listening() as (_, site, reader, writer):
        writer.write(request(b"first", b"/slow"))
        await site.at_work.wait()
        rest = request(b"second", b"/slow") + request(b"third") + request(b"fourth")
        size = len(rest) // pieces + 1
        for at in range(0, len(rest), size):
            writer.write(rest[at : at + size])
            await asyncio.sleep(0.005)
        assert [await read(reader) for _ in range(4)] == [
            (OK, body) for body in (b"first", b"second", b"third", b"fourth")
        ]


async def test_a_request_with_the_beginning_of_the_next_is_answered_and_so_is_that() -> None:
    async with listening() as (_, _, reader, writer):
        second = request(b"second")
        writer.write(request(b"first") + second[:30])
        assert await read(reader) == (OK, b"first")
        writer.write(second[30:])
        assert await read(reader) == (OK, b"second")


async def test_a_stop_waits_for_a_request_at_work_and_leaves_no_task() -> None:
    async with listening() as (server, site, reader, writer):
        writer.write(request(b"last", b"/slow"))
        await site.at_work.wait()
        await server.stop()
        assert await read(reader) == (OK, b"last")
        assert await reader.read() == b""
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1


async def test_a_client_that_leaves_meanwhile_leaves_nothing_behind() -> None:
    async with listening() as (server, site, _, writer):
        writer.write(request(b"gone", b"/slow"))
        await site.at_work.wait()
        writer.transport.abort()
        await nothing_is_left(server)


async def test_a_handler_that_fails_costs_its_connection_alone() -> None:
    async with listening() as (_, _, reader, writer):
        writer.write(request(b"", b"/broken"))
        assert (await read(reader))[0] == b"HTTP/1.1 500 Internal Server Error"
        assert await reader.read() == b""


async def test_only_whole_requests_that_come_alone_take_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    begin = QuickConnection._begin

    def counted(self: QuickConnection, waiter: "asyncio.Future[None]") -> None:
        taken.append(self._messages[0][0].path)  # type: ignore[union-attr]
        begin(self, waiter)

    monkeypatch.setattr(QuickConnection, "_begin", counted)
    async with listening() as (_, _, reader, writer):
        for data in (
            [request(b"whole", b"/whole")],
            [request(b"pieces", b"/pieces")[:-2], request(b"pieces", b"/pieces")[-2:]],
            [request(b"a", b"/pipelined") * 2],
            [request(b"", b"/upgrade", b"Connection: Upgrade", b"Upgrade: websocket")],
        ):
            for piece in data:
                writer.write(piece)
                await asyncio.sleep(0.01)
            for _ in range(data[0].count(b"POST")):
                await read(reader)
    assert taken == ["/whole"]


async def test_an_answer_that_is_ready_is_sent_without_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unexpected(*_: object) -> None:
        raise AssertionError

    async with listening() as (_, _, reader, writer):
        monkeypatch.setattr(QuickConnection, "_answer", unexpected)
        for _ in range(3):
            writer.write(request(b"", b"/ready/10"))
            assert await read(reader) == (OK, b"r" * 10)


async def test_ready_and_other_answers_keep_their_order_on_a_connection() -> None:
    async with listening() as (_, _, reader, writer):
        for pipelined in (1, 2):
            for path, body in ((b"/ready/3", b"rrr"), (b"/other", b"sent"), (b"/ready/4", b"rrrr")):
                writer.write(request(b"sent", path) * pipelined)
                assert [await read(reader) for _ in range(pipelined)] == [(OK, body)] * pipelined


async def test_a_client_that_reads_nothing_has_only_one_ready_answer_waiting() -> None:
    size = 60_000
    async with listening() as (server, _, reader, writer):
        for _ in range(400):
            writer.write(request(b"", b"/ready/%d" % size))
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)
        (connection,) = server._server.connections
        assert connection.transport is not None
        assert connection.transport.get_write_buffer_size() < 4 * size
        assert [await read(reader) for _ in range(400)] == [(OK, b"r" * size)] * 400


async def test_a_site_that_fails_at_once_costs_its_connection_alone() -> None:
    async with listening() as (_, _, reader, writer):
        writer.write(request(b"", b"/unready"))
        assert (await read(reader))[0] == b"HTTP/1.1 500 Internal Server Error"
        assert await reader.read() == b""


async def test_a_ready_answer_ends_the_connection_while_the_server_drains() -> None:
    async with listening() as (_, site, reader, writer):
        site.draining = True
        writer.write(request(b"", b"/ready/1"))
        assert await read(reader) == (OK, b"r")
        assert await reader.read() == b""
        site.draining = False


async def test_an_answer_that_is_given_later_is_sent_without_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unexpected(*_: object) -> None:
        raise AssertionError

    async with listening() as (_, site, reader, writer):
        monkeypatch.setattr(QuickConnection, "_answer", unexpected)
        for is_given_before in (False, True):
            writer.write(request(b"", b"/later"))
            if not is_given_before:
                await site.at_work.wait()
                site.later.give(Answer(200, b"later"))
            assert await read(reader) == (OK, b"later")


async def test_pipelined_requests_wait_for_an_answer_that_is_given_later() -> None:
    async with listening() as (_, site, reader, writer):
        writer.write(request(b"", b"/later") * 2 + request(b"sent"))
        await site.at_work.wait()
        site.later.give(Answer(200, b"later"))
        assert [await read(reader) for _ in range(3)] == [(OK, b"later"), (OK, b"later"), (OK, b"sent")]


async def test_a_request_that_arrives_before_an_answer_is_given_is_answered_after_it() -> None:
    async with listening() as (_, site, reader, writer):
        writer.write(request(b"", b"/later"))
        await site.at_work.wait()
        writer.write(request(b"sent"))
        await asyncio.sleep(0.02)
        site.later.give(Answer(200, b"later"))
        assert [await read(reader) for _ in range(2)] == [(OK, b"later"), (OK, b"sent")]


async def test_a_stop_waits_for_an_answer_that_is_given_later() -> None:
    async with listening() as (server, site, reader, writer):
        writer.write(request(b"", b"/later"))
        await site.at_work.wait()
        asyncio.get_running_loop().call_later(DRAIN_S + 0.2, site.later.give, Answer(200, b"later", keep_alive=False))
        await server.stop()
        assert await read(reader) == (OK, b"later")
        assert await reader.read() == b""
        assert len(asyncio.all_tasks()) == 1


async def test_a_client_that_leaves_before_an_answer_is_given_leaves_nothing_behind() -> None:
    async with listening() as (server, site, _, writer):
        writer.write(request(b"", b"/later"))
        await site.at_work.wait()
        writer.transport.abort()
        await asyncio.sleep(0.05)
        site.later.give(Answer(200, b"later"))
        await nothing_is_left(server)


async def test_who_gives_up_waiting_for_an_answer_disturbs_nobody_who_waits() -> None:
    later = LaterAnswer()
    impatient, patient = (asyncio.ensure_future(later) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    later.give(Answer(200))
    assert (await patient).status == 200
    assert impatient.cancelled()


async def test_a_request_that_cannot_be_handled_costs_none_that_arrived_with_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    turn, handled = Turn(), []
    for number in (2, 0, 1):
        turn.add(lambda number=number: handled.append(1 / number))  # type: ignore[misc]
    assert not handled
    await asyncio.sleep(0)
    assert handled == [0.5, 1.0]
    assert "could not be handled" in caplog.text
