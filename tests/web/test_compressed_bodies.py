"""Case 31 of the fault list: compressed bodies are refused unread, so that a bomb costs no more than an event."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.events import encode
from tests.support.http import (
    assert_coded,
    audited,
    exchange,
    fresh_events,
    new_installation,
    parse,
    post_request,
    stored,
)
from tests.support.server import Answer, ServerProcess

REQUESTS = 10
CPU_MAX_S = 0.05
MEGABYTE = bytes(1_000_000)
BOMB = gzip.compress(MEGABYTE) * 100
CHUNKED_BOMB = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (BOMB[:50_000], BOMB[50_000:])) + b"0\r\n\r\n"


def deflated_bomb() -> bytes:
    """Return a stream that unfolds to 100 MB: the same block, which refers to nothing before it, again and again."""
    packer = zlib.compressobj()
    first, block = (packer.compress(MEGABYTE) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + block * 99


BODIES = {
    "a bomb": (BOMB, "gzip"),
    "a bomb in a bomb": (gzip.compress(BOMB), "gzip, gzip"),
    "a deflated bomb": (deflated_bomb(), "deflate"),
    "a corrupt one": (BOMB[:10] + b"\xff" * 1_000, "gzip"),
    "one cut short": (BOMB[: len(BOMB) // 2], "gzip"),
    "no gzip at all": (b"not gzip", "gzip"),
    "brotli": (b"\x0b\x02\x80hello\x03", "br"),
    "zstd": (b"\x28\xb5\x2f\xfd\x04\x00\x41\x00\x00", "zstd"),
    "an invented encoding": (b"{}", "x-invented"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with audited(tmp_path_factory.mktemp("compressed") / "data") as running:
        yield running


def cpu_s(server: ServerProcess) -> float:
    """Return the CPU time that all threads of a server have used, to the nanosecond."""
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{server.pid}/task").glob("*/schedstat")) / 1e9


def refused_cheaply(server: ServerProcess, request: bytes) -> list[Answer]:
    """Send a request some times, assert what they cost on average, and return the answers."""
    before = cpu_s(server)
    answers = [parse(exchange(server, request)) for _ in range(REQUESTS)]
    assert (cpu_s(server) - before) / REQUESTS < CPU_MAX_S
    return answers


@pytest.mark.case(31)
@pytest.mark.parametrize(("body", "encoding"), BODIES.values(), ids=BODIES.keys())
def test_a_compressed_body_is_refused_and_costs_next_to_nothing(
    server: ServerProcess, body: bytes, encoding: str
) -> None:
    for answer in refused_cheaply(server, post_request(body, f"Content-Encoding: {encoding}")):
        assert_coded(answer, 415, "unsupported_encoding")
        assert answer.headers["Connection"] == "close"


@pytest.mark.case(31)
def test_a_compressed_body_in_chunks_is_refused_and_costs_next_to_nothing(server: ServerProcess) -> None:
    head = b"POST /v1/events HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"

    for answer in refused_cheaply(
        server, head + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED_BOMB
    ):
        assert_coded(answer, 415, "unsupported_encoding")
    for answer in refused_cheaply(server, head + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + CHUNKED_BOMB):
        assert answer.status == 400


@pytest.mark.case(31)
@pytest.mark.parametrize(
    "encoding", ["gzip", "GZIP", "deflate", "br", "zstd", "x-unknown", "identity, gzip", "gzip,gzip"]
)
def test_a_compressed_body_is_refused_whatever_it_holds(server: ServerProcess, encoding: str) -> None:
    installation = new_installation()
    body = encode(fresh_events(1, installation))
    for sent in (gzip.compress(body), b"not compressed at all", body, gzip.compress(b" " * 10_000_000)):
        answer = parse(exchange(server, post_request(sent, f"Content-Encoding: {encoding}")))
        assert_coded(answer, 415, "unsupported_encoding")
    assert stored(server, installation) == []


def test_after_all_of_these_an_event_is_taken(server: ServerProcess) -> None:
    installation = new_installation()

    assert server.post(encode(fresh_events(2, installation))).json == {"success": True, "eventsProcessed": 2}
    assert len(stored(server, installation)) == 2
