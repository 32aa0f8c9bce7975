"""Requests that this service or one like it got wrong: upgrades, expectations, codings, and what every answer names."""

import re
import socket
import time
from collections.abc import Iterator

import pytest

from tests.support.events import encode
from tests.support.http import (
    GET,
    SECRET,
    TOO_LARGE,
    Connection,
    assert_coded,
    audited,
    exchange,
    fresh_events,
    new_installation,
    parse,
    post_head,
    post_request,
    stored,
)
from tests.support.server import ServerProcess


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with audited(tmp_path_factory.mktemp("reported") / "data") as running:
        yield running


@pytest.mark.case(32)
@pytest.mark.parametrize(("status", "request_bytes"), TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_too_many_or_too_large_headers_are_told_so_and_closed_and_not_logged(
    server: ServerProcess, status: int, request_bytes: bytes
) -> None:
    answer = parse(exchange(server, request_bytes))

    assert (answer.status, answer.headers["Connection"]) == (status, "close")
    assert SECRET not in answer.body
    assert not [line for line in server.output if SECRET.decode() in line]


UPGRADES = {
    "h2c": ("Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk", "Upgrade: h2c"),
    "websocket": ("Connection: Upgrade", "Upgrade: websocket"),
    "TLS": ("Connection: upgrade", "Upgrade: TLS/1.2"),
}


@pytest.mark.case(32)
@pytest.mark.parametrize("lines", UPGRADES.values(), ids=UPGRADES.keys())
@pytest.mark.parametrize("after", ["a request", "a head whose body comes later", "bytes that look like a head"])
def test_an_upgrade_that_is_not_made_ends_the_connection_with_its_answer(
    server: ServerProcess, lines: tuple[str, ...], after: str
) -> None:
    first, second = new_installation(), new_installation()
    upgrading, body = post_request(encode(fresh_events(1, first)), *lines), encode(fresh_events(1, second))
    with Connection(server) as connection:
        if after == "a request":
            connection.send(upgrading + post_request(body))
        elif after == "a head whose body comes later":
            connection.send(upgrading + post_head(len(body)))
            time.sleep(0.02)
            connection.send(body)
        else:
            connection.send(upgrading + post_head(300))
            time.sleep(0.02)
            connection.send(post_request(body))
        received = connection.read()

    assert parse(received).body == b'{"success":true,"eventsProcessed":1}'
    assert parse(received).headers["Connection"] == "close"
    assert received.count(b"HTTP/1.1 ") == 1
    assert (len(stored(server, first)), len(stored(server, second))) == (1, 0)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_an_expectation_is_met_only_where_a_body_is_still_to_come(server: ServerProcess, version: str) -> None:
    body = encode(fresh_events(1, new_installation()))
    head = post_head(len(body), "Expect: 100-continue", "Connection: close").replace(
        b"HTTP/1.1", b"HTTP/" + version.encode()
    )
    without_body = b"POST /v1/events HTTP/%s\r\nHost: t\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"

    with Connection(server) as connection:
        connection.send(head)
        time.sleep(0.02)
        connection.send(body)
        waited = connection.read()
    came_whole, empty = exchange(server, head + body), exchange(server, without_body % version.encode())

    assert waited.startswith(b"HTTP/1.1 100 Continue\r\n\r\n") == (version == "1.1")
    assert waited.endswith(b'"eventsProcessed":1}')
    assert re.match(rb"HTTP/1\.. 200", came_whole)
    assert_coded(parse(empty), 400, "invalid_json")


@pytest.mark.case(31)
@pytest.mark.parametrize(
    ("codings", "status"),
    [
        ([""], 200),
        (["", "identity"], 200),
        ([" , Identity,\t"], 200),
        (["identity", "gzip"], 415),
        (["identity, br"], 415),
        (["", "identity;q=1"], 415),
    ],
)
def test_content_encoding_is_one_list_over_all_its_lines(
    server: ServerProcess, codings: list[str], status: int
) -> None:
    body = encode(fresh_events(1, new_installation()))
    lines = [f"Content-Encoding: {coding}" for coding in codings]

    assert parse(exchange(server, post_request(body, *lines, "Connection: close"))).status == status


@pytest.mark.parametrize(("known", "status"), [("*", 304), (" * ", 304), ('"*"', 200), ("*, *", 200), ("", 200)])
def test_a_client_that_has_any_statistics_is_not_sent_them_again(
    server: ServerProcess, known: str, status: int
) -> None:
    request = b"GET /v1/stats HTTP/1.1\r\nHost: t\r\nIf-None-Match: %s\r\nConnection: close\r\n\r\n" % known.encode()

    assert parse(exchange(server, request)).status == status


@pytest.mark.parametrize(
    "request_bytes",
    [
        GET + b"\r\n",
        GET + b"X: \x00\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: t\r\n\r\n",
        post_head(2**40),
        b"OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n",
    ],
)
def test_no_answer_names_the_versions_of_programs(server: ServerProcess, request_bytes: bytes) -> None:
    with Connection(server) as connection:
        connection.send(request_bytes)
        answer = parse(connection.read_some())

    assert answer.headers["Server"] == "drift-telemetry"
    assert not [value for name, value in answer.headers.items() if "aiohttp" in value or "Python" in value]


def test_the_time_that_a_connection_is_kept_is_announced(server: ServerProcess) -> None:
    with Connection(server) as connection:
        connection.send(GET + b"\r\n")
        assert parse(connection.read_some()).headers["Keep-Alive"] == "timeout=15"
        connection.send(GET + b"Connection: close\r\n\r\n")
        assert "Keep-Alive" not in parse(connection.read_some()).headers


@pytest.mark.parametrize("requests", [1, 3])
def test_a_client_that_only_reads_any_more_gets_all_its_answers(server: ServerProcess, requests: int) -> None:
    installation = new_installation()
    sent = b"".join(post_request(encode(fresh_events(1, installation))) for _ in range(requests))
    with Connection(server) as connection:
        connection.send(sent)
        connection.stop_sending()
        received = connection.read()

    assert received.count(b"HTTP/1.1 200 OK") == requests
    assert len(stored(server, installation)) == requests


@pytest.mark.parametrize("sent", [b"", b"GET /v1/hea", GET, post_head(10) + b"{"])
def test_a_client_that_ends_in_the_middle_of_a_request_is_closed_at_once(server: ServerProcess, sent: bytes) -> None:
    with Connection(server, timeout=2) as connection:
        connection.send(sent)
        connection.stop_sending()
        assert connection.read() == b""


@pytest.mark.case(30)
@pytest.mark.parametrize("attempt", range(3))
def test_a_client_that_sends_all_before_it_reads_learns_why_it_was_refused(server: ServerProcess, attempt: int) -> None:
    body = b" " * 8_000_000
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        client.sendall(post_head(len(body)) + body)
        received = b""
        while data := client.recv(65_536):
            received += data

    assert_coded(parse(received), 413, "too_large")
