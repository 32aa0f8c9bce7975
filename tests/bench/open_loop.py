"""Open-loop load: requests leave at fixed times whether or not earlier ones were answered.

Latency counts from the moment a request was due, so waiting for a free connection is part of it. The timer of the event
loop adds up to a millisecond. This runs as a process of its own, and prints ``SENDING`` when it begins to send and one
line of JSON at the end.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

import click
import msgspec

from tests.bench import corpus

SENDING = "sending"
CONNECTIONS = 64
LAST_REPLY_TIMEOUT_S = 10.0
# A reader that knows the answer is told so.
_SUCCESS = (b"200", b"304")


class Latencies(msgspec.Struct, frozen=True):
    """How long requests took at a fixed rate."""

    rate: float
    requests: int
    failed: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float


class _Connection(asyncio.Protocol):
    """One request at a time; replies carry a Content-Length and fit into memory."""

    def __init__(self, load: "OpenLoop") -> None:
        self._load = load
        self._received = b""
        self._due: float | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, _exc: Exception | None) -> None:
        self._load.lost(self, unanswered=self._due is not None)

    def send(self, request: bytes, due: float) -> None:
        assert self._transport is not None
        self._received, self._due = b"", due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, body = self._received.partition(b"\r\n\r\n")
        if blank and len(body) >= _content_length(head):
            assert self._due is not None
            latency_s, self._due = time.monotonic() - self._due, None
            self._load.answered(succeeded=head[9:12] in _SUCCESS, latency_s=latency_s)
            # A server that leaves says so, and closes when its answer has been read.
            if b"connection: close" not in head.lower():
                self._load.freed(self)


class OpenLoop:
    """Sends requests on time, over whichever connection is free."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._free: deque[_Connection] = deque()
        self._waiting: deque[tuple[bytes, float]] = deque()
        self._latencies: list[float] = []
        self._failed = 0
        self._progress = asyncio.Event()
        self._connecting: set[asyncio.Task[None]] = set()

    async def run(self, requests: Sequence[bytes], rate: float) -> Latencies:
        """Send requests at a rate per second, and return when all are answered or given up."""
        for _ in range(CONNECTIONS):
            await self._connect()
        click.echo(SENDING)
        started_at = time.monotonic()
        for number, request in enumerate(requests):
            due = started_at + number / rate
            if (early_s := due - time.monotonic()) > 0:
                await asyncio.sleep(early_s)
            self._waiting.append((request, due))
            self._send()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._all_answered(len(requests)), LAST_REPLY_TIMEOUT_S)
        return self._result(len(requests), rate)

    def answered(self, *, succeeded: bool, latency_s: float) -> None:
        """Take note of a reply."""
        if succeeded:
            self._latencies.append(latency_s)
        else:
            self._failed += 1
        self._progress.set()

    def freed(self, connection: _Connection) -> None:
        """Use a connection again."""
        self._free.append(connection)
        self._send()

    def lost(self, connection: _Connection, *, unanswered: bool) -> None:
        """Put another connection in the place of one that the server closed; what waited on it has failed."""
        if connection in self._free:
            self._free.remove(connection)
        self._failed += unanswered
        self._progress.set()
        connecting = asyncio.create_task(self._connect())
        self._connecting.add(connecting)
        connecting.add_done_callback(self._connecting.discard)

    async def _connect(self) -> None:
        _, connection = await asyncio.get_running_loop().create_connection(lambda: _Connection(self), *self._address)
        self.freed(connection)

    def _send(self) -> None:
        while self._free and self._waiting:
            self._free.popleft().send(*self._waiting.popleft())

    async def _all_answered(self, requests: int) -> None:
        while len(self._latencies) + self._failed < requests:
            self._progress.clear()
            await self._progress.wait()

    def _result(self, requests: int, rate: float) -> Latencies:
        ordered = sorted(self._latencies) or [float("nan")]

        def share(percent: float) -> float:
            return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000

        failed = requests - len(self._latencies)
        return Latencies(rate, len(self._latencies), failed, share(50), share(99), share(99.9), share(100))


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


async def _send(port: int, requests: Sequence[bytes], rate: float) -> Latencies:
    return await OpenLoop("127.0.0.1", port).run(requests, rate)


@click.command()
@click.option("--port", type=int, required=True, help="Where on 127.0.0.1 the server listens.")
@click.option("--corpus", "path", type=click.Path(path_type=Path), required=True)
@click.option("--rate", type=float, required=True, help="Requests a second.")
@click.option("--requests", "count", type=int, required=True, help="How many of the corpus to send.")
def main(port: int, path: Path, rate: float, count: int) -> None:
    """Send requests of a corpus at a fixed rate."""
    requests = list(islice(corpus.read(path), count))
    latencies = asyncio.run(_send(port, requests, rate))
    click.echo(msgspec.json.encode(latencies).decode())


if __name__ == "__main__":
    main()
