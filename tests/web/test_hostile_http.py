"""Hostile and broken HTTP on raw sockets, against a real process with short time limits."""

import contextlib
import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from telemetry.settings import Settings
from tests.support.events import encode
from tests.support.http import (
    GET,
    MALFORMED,
    SECRET,
    Connection,
    assert_coded,
    assert_common_headers,
    audited,
    eventually,
    exchange,
    fresh_events,
    new_installation,
    parse,
    post_head,
    post_request,
    stored,
)
from tests.support.server import Answer, ServerProcess

BODY_BYTES_MAX = Settings().body_bytes_max
CHUNKED = b"POST /v1/events HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"


# Less than any of the time limits of the server.
AT_ONCE_S = 0.8


def answered_at_once(ask: Callable[[], bytes]) -> Answer:
    """Return an answer that came, with the end of the connection, at once; a busy machine may delay two others."""
    for _ in range(3):
        begun = time.monotonic()
        answer = parse(ask())
        if time.monotonic() - begun < AT_ONCE_S:
            return answer
    raise AssertionError("none of three answers came at once")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    data_dir = tmp_path_factory.mktemp("hostile") / "data"
    with audited(data_dir, "--keepalive-timeout-s", "1", "--body-timeout-s", "1") as running:
        yield running
    assert_output_is_silent(running)


@pytest.fixture(autouse=True)
def healthy(server: ServerProcess) -> Iterator[None]:
    """After every case the service is healthy and takes a fresh event."""
    yield
    assert server.request("GET", "/v1/health").status == 200
    assert server.post(encode(fresh_events(1, new_installation()))).body == b'{"success":true,"eventsProcessed":1}'


def assert_output_is_silent(server: ServerProcess, *ports: int) -> None:
    """Assert that no line after the start names a peer, its port or what it sent."""
    start = next(number for number, line in enumerate(server.output) if server.url in line)
    lines = [line for line in server.output[start + 1 :] if server.url not in line]
    for line in lines:
        assert SECRET.decode() not in line
        assert "127.0.0.1" not in line
        assert "Traceback" not in line
        assert not {str(port) for port in ports} & set(re.findall(r"\d+", line)), line


IDLE = {
    "nothing at all": [],
    "half a request line": [b"POST /v1/ev"],
    "half a header": [b"POST /v1/events HTTP/1.1\r\nHost: te"],
    "headers without an end": [b"GET /v1/health HTTP/1.1\r\nHost: test\r\nX-A: 1\r\n"],
    "a kept connection": [GET + b"\r\n"],
    "a second request begun": [GET + b"\r\n", b"GET /v1/he"],
}


@pytest.mark.case(28)
def test_idle_and_half_header_connections_are_closed_in_keep_alive_time(server: ServerProcess) -> None:
    def seconds_until_closed(sent: list[bytes]) -> float:
        with Connection(server) as connection:
            for data in sent:
                connection.send(data)
                if data.endswith(b"\r\n\r\n"):
                    assert connection.read_some().startswith(b"HTTP/1.1 200")
            begun = time.monotonic()
            connection.read()
            return time.monotonic() - begun

    with ThreadPoolExecutor(len(IDLE)) as pool:
        seconds = dict(zip(IDLE, pool.map(seconds_until_closed, IDLE.values()), strict=True))

    assert max(seconds.values()) < 5, seconds
    assert min(seconds.values()) > 0.5, seconds


@pytest.mark.case(28)
def test_headers_at_a_trickle_do_not_hold_a_connection(server: ServerProcess) -> None:
    begun = time.monotonic()
    with Connection(server) as connection:
        connection.send(b"GET /v1/health HTTP/1.1\r\nHost: test\r\n")
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - begun < 6:
                connection.send(b"X: 1\r\n")
                time.sleep(0.1)

    assert time.monotonic() - begun < 5


@pytest.mark.case(29)
def test_a_body_at_a_trickle_is_told_so_and_closed(server: ServerProcess) -> None:
    begun = time.monotonic()
    with Connection(server) as connection:
        connection.send(post_head(1_000))
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - begun < 1.5:
                connection.send(b"{")
                time.sleep(0.1)
        answer = parse(connection.read())

    assert time.monotonic() - begun < 5
    assert_coded(answer, 408, "body_timeout")
    assert answer.headers["Connection"] == "close"


@pytest.mark.case(29)
def test_a_body_that_never_begins_is_told_so_and_closed(server: ServerProcess) -> None:
    begun = time.monotonic()

    answer = parse(exchange(server, post_head(1_000)))

    assert 0.5 < time.monotonic() - begun < 5
    assert_coded(answer, 408, "body_timeout")


@pytest.mark.case(30)
@pytest.mark.parametrize("length", [100_000_000, 2**63, 2**64 - 1, BODY_BYTES_MAX + 1])
@pytest.mark.parametrize("sent", [b"", b'{"events":['])
def test_a_body_announced_too_large_is_refused_at_once_and_closed(
    server: ServerProcess, length: int, sent: bytes
) -> None:
    answer = answered_at_once(lambda: exchange(server, post_head(length) + sent))

    assert_coded(answer, 413, "too_large")
    assert answer.headers["Connection"] == "close"


@pytest.mark.case(30)
def test_a_body_announced_too_large_is_not_read_to_its_end(server: ServerProcess) -> None:
    with Connection(server) as connection:
        connection.send(post_head(100_000_000))
        sent = send_until_closed(connection, b" " * 65_536)

    assert sent < 32_000_000


@pytest.mark.case(30)
def test_endless_chunks_are_refused_at_once_and_closed(server: ServerProcess) -> None:
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    too_many = CHUNKED + chunk * (BODY_BYTES_MAX // 65_536 + 1)
    assert_coded(answered_at_once(lambda: exchange(server, too_many)), 413, "too_large")

    with Connection(server) as connection:
        connection.send(CHUNKED)
        assert send_until_closed(connection, chunk) < 32_000_000


def send_until_closed(connection: Connection, data: bytes) -> int:
    """Send the same bytes until the server has closed; return how many it took, 64 MB at most."""
    for number in range(64_000_000 // len(data)):
        try:
            connection.send(data)
        except (ConnectionError, TimeoutError):
            return number * len(data)
    return 64_000_000


def test_a_chunked_body_is_taken_up_to_the_limit(server: ServerProcess) -> None:
    body = encode(fresh_events(1, new_installation()))
    bytewise = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    assert parse(exchange(server, CHUNKED + bytewise)).body == b'{"success":true,"eventsProcessed":1}'

    for length, status in ((BODY_BYTES_MAX, 200), (BODY_BYTES_MAX + 1, 413)):
        padded = b"%x\r\n%s\r\n0\r\n\r\n" % (length, body.ljust(length))
        assert parse(exchange(server, CHUNKED + padded)).status == status


@pytest.mark.case(32)
@pytest.mark.parametrize("request_bytes", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_http_is_answered_with_400_closed_and_not_logged(server: ServerProcess, request_bytes: bytes) -> None:
    with Connection(server) as connection:
        connection.send(request_bytes)
        answer = parse(connection.read())

    assert answer.status == 400
    eventually(lambda: any("malformed" in line for line in server.output))
    assert_output_is_silent(server, connection.port)


MALFORMED_CHUNKS = [b"zz\r\n", b"-1\r\n", b"1\r\n{}\r\n", b"1\n{\r\n", b"1;\n\r\n{\r\n", b"f" * 20 + b"\r\n"]


@pytest.mark.case(32)
def test_malformed_chunks_are_refused_and_not_logged(server: ServerProcess) -> None:
    def refused(chunks: bytes) -> tuple[int, int]:
        with Connection(server) as connection:
            connection.send(CHUNKED)
            time.sleep(0.02)
            connection.send(chunks + SECRET)
            return parse(connection.read()).status, connection.port

    with ThreadPoolExecutor(len(MALFORMED_CHUNKS)) as pool:
        statuses, ports = zip(*pool.map(refused, MALFORMED_CHUNKS), strict=True)

    assert set(statuses) <= {400, 408}
    assert_output_is_silent(server, *ports)
    for chunks in MALFORMED_CHUNKS:
        assert parse(exchange(server, CHUNKED + chunks + SECRET)).status == 400


@pytest.mark.case(24)
def test_clients_gone_after_their_whole_request_have_their_events_stored(server: ServerProcess) -> None:
    installation = new_installation()
    for _ in range(20):
        with Connection(server) as connection:
            connection.send(post_request(encode(fresh_events(3, installation))))

    eventually(lambda: len(stored(server, installation)) == 60)
    assert_output_is_silent(server)


def test_an_interrupted_upload_stores_nothing(server: ServerProcess) -> None:
    installation = new_installation()
    request = post_request(encode(fresh_events(3, installation)))
    for sent in (len(request) - 1, len(request) - 300, request.index(b"\r\n\r\n") + 4):
        with Connection(server) as connection:
            connection.send(request[:sent])
            with contextlib.suppress(OSError):
                connection._socket.shutdown(socket.SHUT_WR)
            assert b" 200 " not in connection.read()
    with Connection(server) as connection:
        connection.send(request[:-1])

    assert stored(server, installation) == []
    assert_output_is_silent(server)


@pytest.mark.case(33)
@pytest.mark.parametrize("method", ["PUT", "TRACE", "DELETE", "PATCH", "PROPFIND"])
def test_other_methods_are_not_allowed_and_nothing_is_echoed(server: ServerProcess, method: str) -> None:
    request = b"%s /v1/events HTTP/1.1\r\nHost: test\r\nX: %s\r\nConnection: close\r\n\r\n" % (method.encode(), SECRET)

    received = exchange(server, request)

    assert_coded(parse(received), 405, "method_not_allowed")
    assert "POST" in parse(received).headers["Allow"]
    assert SECRET not in received


def test_connect_does_not_open_a_tunnel(server: ServerProcess) -> None:
    answer = parse(exchange(server, b"CONNECT test:443 HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"))

    assert answer.status in {400, 404, 405}


def test_pipelined_requests_are_answered_in_order(server: ServerProcess) -> None:
    installation = new_installation()
    bodies = [encode(fresh_events(count, installation)) for count in (1, 2, 3)]

    received = exchange(server, b"".join(map(post_request, bodies)) + GET + b"Connection: close\r\n\r\n")

    assert [int(found) for found in re.findall(rb'"eventsProcessed":(\d)', received)] == [1, 2, 3]
    assert received.endswith(b"}")
    assert json.loads(received[received.rindex(b"{") :])["status"] == "healthy"
    assert_common_headers(parse(received))


@pytest.mark.case(32)
def test_what_follows_a_refused_body_is_not_taken_for_a_request(server: ServerProcess) -> None:
    installation = new_installation()
    smuggled = post_request(encode(fresh_events(1, installation)))

    received = exchange(server, post_head(BODY_BYTES_MAX + 1) + smuggled)

    assert received.count(b"HTTP/1.1") == 1
    assert stored(server, installation) == []
