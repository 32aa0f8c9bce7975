"""Open-loop load: requests leave at fixed times whether or not earlier ones were answered.

Latency counts from the moment a request was due, so waiting for a free connection is part of it. The timer of the event
loop adds up to a millisecond. This runs as a process of its own and prints one line of JSON.
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

CONNECTIONS = 64
LAST_REPLY_TIMEOUT_S = 10.0


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
        self._due = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, _exc: Exception | None) -> None:
        self._load.lost(self)

    def send(self, request: bytes, due: float) -> None:
        assert self._transport is not None
        self._received, self._due = b"", due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, body = self._received.partition(b"\r\n\r\n")
        if blank and len(body) >= _content_length(head):
            self._load.answered(self, succeeded=head[9:10] == b"2", latency_s=time.monotonic() - self._due)

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()


class OpenLoop:
    """Sends requests on time, over whichever connection is free."""

    def __init__(self) -> None:
        self._free: deque[_Connection] = deque()
        self._waiting: deque[tuple[bytes, float]] = deque()
        self._latencies: list[float] = []
        self._failed = 0
        self._progress = asyncio.Event()

    async def run(self, host: str, port: int, requests: Sequence[bytes], rate: float) -> Latencies:
        """Send requests at a rate per second, and return when all are answered or given up."""
        loop = asyncio.get_running_loop()
        for _ in range(CONNECTIONS):
            self._free.append((await loop.create_connection(lambda: _Connection(self), host, port))[1])
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

    def answered(self, connection: _Connection, *, succeeded: bool, latency_s: float) -> None:
        """Take note of a reply and use its connection again."""
        if succeeded:
            self._latencies.append(latency_s)
        else:
            self._failed += 1
        self._progress.set()
        self._free.append(connection)
        self._send()

    def lost(self, connection: _Connection) -> None:
        """Do without a connection that the server closed."""
        if connection in self._free:
            self._free.remove(connection)

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


@click.command()
@click.option("--port", type=int, required=True, help="Where on 127.0.0.1 the server listens.")
@click.option("--corpus", "path", type=click.Path(path_type=Path), required=True)
@click.option("--rate", type=float, required=True, help="Requests a second.")
@click.option("--requests", "count", type=int, required=True, help="How many of the corpus to send.")
def main(port: int, path: Path, rate: float, count: int) -> None:
    """Send requests of a corpus at a fixed rate."""
    requests = list(islice(corpus.read(path), count))
    latencies = asyncio.run(OpenLoop().run("127.0.0.1", port, requests, rate))
    click.echo(msgspec.json.encode(latencies).decode())


if __name__ == "__main__":
    main()
