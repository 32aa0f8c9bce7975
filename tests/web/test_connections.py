"""How many connections there are, what each may hold and how long it may take nothing, on real sockets."""

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from telemetry.web.answers import Answer
from telemetry.web.lingering import Lingering
from telemetry.web.malformed import HEADER_BYTES_MAX, HEADERS_MAX, LINE_BYTES_MAX
from telemetry.web.server import DRAIN_S, UNREAD_TIMEOUT_S, PublicServer

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

REQUEST = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"


class _Site:
    """Answers with the time limit of the connection, as the kernel has it, and as much after it as wanted."""

    draining = False

    def __init__(self, padding_bytes: int = 0) -> None:
        self._padding = b" " * padding_bytes

    async def answer(self, request: web.BaseRequest) -> Answer:
        assert request.transport is not None
        accepted = request.transport.get_extra_info("socket")
        limit_ms = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        return Answer(200, str(limit_ms).encode() + self._padding)


@asynccontextmanager
async def listening(site: _Site, *, connections_max: int = 10, unread_timeout_s: float = 30) -> AsyncIterator[int]:
    """Serve a site; yield its port."""
    server = PublicServer(
        site,
        body_bytes_max=1_000,
        reading_bytes_max=1_000_000,
        keepalive_timeout_s=60,
        shutdown_timeout_s=1,
        connections_max=connections_max,
        unread_timeout_s=unread_timeout_s,
    )
    port = urlsplit((await server.start("127.0.0.1", 0))[0]).port
    assert port is not None
    try:
        yield port
    finally:
        await server.stop()


@asynccontextmanager
async def connection(port: int) -> AsyncIterator[Connection]:
    """Connect, and close at the end of the block."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def ask(connected: Connection, request: bytes = REQUEST) -> bytes:
    """Send a request on a connection; return what arrives next, which is nothing if the server has closed it."""
    reader, writer = connected
    try:
        writer.write(request)
        return await asyncio.wait_for(reader.read(65_536), 5)
    except ConnectionError:
        return b""


async def is_taken(port: int) -> bool:
    async with connection(port) as connected:
        return bool(await ask(connected))


async def test_a_connection_too_many_takes_the_place_of_the_one_that_was_idle_longest() -> None:
    async with listening(_Site(), connections_max=3) as port, AsyncExitStack() as stack:
        first, second, third = [await stack.enter_async_context(connection(port)) for _ in range(3)]
        assert all([await ask(connected) for connected in (second, third, first)])
        assert await is_taken(port)
        assert not await ask(second)
        assert all([await ask(connected) for connected in (third, first)])


async def test_a_client_that_takes_none_of_its_answer_is_dropped() -> None:
    async with (
        listening(_Site(padding_bytes=20_000_000), unread_timeout_s=0.5) as port,
        connection(port) as (reader, writer),
    ):
        writer.write(REQUEST)
        # The stream holds two times 65,536 bytes and stops reading.
        await asyncio.sleep(1)
        received = 0
        with suppress(ConnectionError):
            while data := await asyncio.wait_for(reader.read(1_000_000), 5):
                received += len(data)
    assert 0 < received < 20_000_000


def request_of(*, line_bytes: int = 100, header_bytes: int = 100, headers: int = 3) -> bytes:
    """Return a request with so many headers, one of which is so long with its name."""
    path = b"/".ljust(line_bytes, b"a")
    lines = [b"Host: test", b"X: ".ljust(header_bytes + 2, b"a"), *[b"Y: 1"] * (headers - 2)]
    return b"\r\n".join([b"GET %s HTTP/1.1" % path, *lines, b"", b""])


@pytest.mark.case(32)
async def test_headers_up_to_the_limits_are_taken_and_more_is_refused() -> None:
    largest = {"line_bytes": LINE_BYTES_MAX, "header_bytes": HEADER_BYTES_MAX, "headers": HEADERS_MAX}
    async with listening(_Site()) as port:
        async with connection(port) as connected:
            assert (await ask(connected, request_of(**largest))).startswith(b"HTTP/1.1 200 ")
        # aiohttp does not always count the name of a header, which is one byte here.
        for (name, limit), status in zip(largest.items(), (b"414", b"431", b"431"), strict=True):
            async with connection(port) as connected:
                answer = await ask(connected, request_of(**{name: limit + 2}))
            assert answer.startswith(b"HTTP/1.0 %s " % status), name


async def test_a_connection_that_its_client_has_just_reset_does_not_linger() -> None:
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        transport, _ = await loop.connect_accepted_socket(asyncio.Protocol, listener.accept()[0])
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()

    assert not Lingering().begin("a connection", transport)
    transport.abort()


@pytest.mark.parametrize("seconds", [2.5, UNREAD_TIMEOUT_S])
async def test_accepted_connections_inherit_the_time_limit_of_their_listener(seconds: float) -> None:
    async with listening(_Site(), unread_timeout_s=seconds) as port, connection(port) as connected:
        assert (await ask(connected)).endswith(f"\r\n\r\n{seconds * 1e3:.0f}".encode())


async def test_a_server_that_nobody_is_connected_to_stops_at_once_and_else_waits_for_the_last_to_leave() -> None:
    started = time.monotonic()
    async with listening(_Site()):
        pass
    alone_s = time.monotonic() - started

    async with AsyncExitStack() as stack:
        async with listening(_Site()) as port:
            await stack.enter_async_context(connection(port))
            started = time.monotonic()
        connected_s = time.monotonic() - started

    assert alone_s < DRAIN_S <= connected_s
