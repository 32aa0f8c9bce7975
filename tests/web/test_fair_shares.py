"""Attacks by clients that send slowly or in costly ways, from many addresses of 127/8, beside an honest one."""

import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.bench.usage import usage
from tests.support.events import encode
from tests.support.http import (
    POST,
    Connection,
    assert_coded,
    audited,
    eventually,
    exchange,
    fresh_events,
    new_installation,
    parse,
    post_head,
)
from tests.support.server import ServerProcess

READING_BYTES_MAX = 4_194_304
BODY_BYTES_MAX = 1_000_000
# What has arrived within this time may be a fast client's, however much it is.
NOT_SLOW_YET_S = 1.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    flags = ("--reading-bytes-max", str(READING_BYTES_MAX), "--body-bytes-max", str(BODY_BYTES_MAX))
    with audited(tmp_path_factory.mktemp("shares") / "data", *flags, "--body-timeout-s", "30") as running:
        yield running


def connect(stack: ExitStack, server: ServerProcess, network: int) -> socket.socket:
    """Connect from an address of a client network of its own."""
    source = (f"127.1.{network // 200}.{1 + network % 200}", 0)
    return stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 5, source))


def answered(connections: list[socket.socket]) -> list[socket.socket]:
    """Return the connections whose clients have something to read."""
    return select.select(connections, [], [], 0)[0]


def assert_an_honest_client_is_served(server: ServerProcess) -> None:
    """Send a batch whose body comes after its head, as large as a queue after an outage."""
    body = encode(fresh_events(20, new_installation())).ljust(500_000)
    with Connection(server) as connection:
        connection.send(post_head(len(body), "Connection: close"))
        connection.send(body)
        assert parse(connection.read()).body == b'{"success":true,"eventsProcessed":20}'


def test_bodies_that_were_announced_and_not_sent_hold_nothing(server: ServerProcess) -> None:
    with ExitStack() as stack:
        for network in range(64):
            connect(stack, server, network % 2).sendall(post_head(BODY_BYTES_MAX))
        assert_an_honest_client_is_served(server)


@pytest.mark.parametrize("networks", [1, 20])
def test_the_largest_slow_bodies_make_room_and_their_clients_are_told(server: ServerProcess, networks: int) -> None:
    with ExitStack() as stack:
        slow = [connect(stack, server, number % networks) for number in range(20)]
        for each in slow:
            each.sendall(post_head(BODY_BYTES_MAX) + b" " * 400_000)
        refused_min = len(slow) - READING_BYTES_MAX // 400_000
        eventually(lambda: len(answered(slow)) >= refused_min)
        time.sleep(NOT_SLOW_YET_S)
        assert_an_honest_client_is_served(server)
        assert_an_honest_client_is_served(server)
        told = [parse(each.recv(65_536)) for each in answered(slow)]
        assert len(told) >= refused_min
        for answer in told:
            assert_coded(answer, 503, "busy")
            assert int(answer.headers["Retry-After"]) > 0


def test_headers_that_do_not_end_are_refused_before_they_are_large(server: ServerProcess) -> None:
    with Connection(server) as connection:
        connection.send(POST + b"".join(b"X-%d: %s\r\n" % (number, b"a" * 3_000) for number in range(12)))
        answer = parse(connection.read())

    assert (answer.status, answer.headers["Connection"]) == (431, "close")


def test_half_sent_headers_of_many_networks_stay_within_their_bound(server: ServerProcess) -> None:
    before = usage(server.pid).rss_peak_bytes
    head = POST + b"".join(b"X-%d: %s\r\n" % (number, b"a" * 3_000) for number in range(10))
    with ExitStack() as stack:
        for network in range(400):
            connect(stack, server, network).sendall(head)
        time.sleep(NOT_SLOW_YET_S)
        assert_an_honest_client_is_served(server)
        grown = usage(server.pid).rss_peak_bytes - before

    # Twelve megabytes were sent. A connection takes some 20 KB besides, and a header twice its size.
    assert grown < 3 * READING_BYTES_MAX + 400 * 20_000


def test_a_body_in_tiny_chunks_is_refused_when_they_cost_more_than_the_body(server: ServerProcess) -> None:
    chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n"
    few, many = (b"1\r\n \r\n" * count for count in (10_000, 200_000))
    with ExitStack() as stack:
        client = connect(stack, server, 1)
        client.sendall(chunked + many)
        assert_coded(parse(client.recv(65_536)), 400, "chunks_too_small")
    with Connection(server) as connection:
        connection.send(chunked + few + b"0\r\n\r\n")
        assert_coded(parse(connection.read_some()), 400, "invalid_json")


def test_pipelined_requests_that_arrive_at_once_are_not_taken_for_a_large_head(server: ServerProcess) -> None:
    request = post_head(4_000) + b" " * 4_000
    received = exchange(server, request * 20 + post_head(4_000, "Connection: close") + b" " * 4_000)

    assert received.count(b"HTTP/1.1 400 ") == 21
    eventually(lambda: server.request("GET", "/v1/health").status == 200)
