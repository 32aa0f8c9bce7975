"""The reverse-proxy examples in ``systemd/``, in front of the real service."""

import socket
import threading
import time
from pathlib import Path

import pytest

from tests.running.test_systemd import RECEIPT
from tests.support.events import Traffic, encode
from tests.support.http import parse, post_head
from tests.support.proxies import CLIENT, HOST, PROXIES, Command, example, proxying
from tests.support.server import serving

# What the service has no use for, and what may be long or secret.
NOT_PASSED_ON = {"Cookie": "a=" + "c" * 6_000, "Authorization": "Bearer secret", "Referer": "https://example.org/"}


@pytest.mark.parametrize("command", PROXIES)
def test_an_event_gets_its_exact_receipt_through_the_proxy_and_no_file_its_address(
    command: Command, tmp_path: Path
) -> None:
    with (
        serving(tmp_path / "data") as server,
        proxying(command, tmp_path / "proxy", example(command, f"127.0.0.1:{server.port}")) as proxy,
    ):
        stored = proxy.request("POST", "/v1/events", encode(Traffic().batch(1)))
        assert (stored.status, stored.body) == (200, RECEIPT)
        assert stored.headers["Access-Control-Allow-Origin"] == "*"
        assert proxy.request("GET", "/v1/stats").json["period"] == "last_30_days"
        large = proxy.request("POST", "/v1/events", b"x" * 5_000_000)
        # The service closes at once, in the middle of the body: Caddy may see that before the answer.
        assert large.status in {413, 502}
        assert server.stop() == 0
        assert proxy.request("GET", "/v1/health").status == 502

    for path in (tmp_path / "proxy").rglob("*"):
        assert not path.is_file() or CLIENT.encode() not in path.read_bytes(), path
    assert not any(CLIENT in line for line in server.output)


@pytest.mark.parametrize("command", PROXIES)
def test_a_body_that_does_not_arrive_waits_in_the_proxy(command: Command, tmp_path: Path) -> None:
    with (
        serving(tmp_path / "data", "--reading-bytes-max", "4194304") as server,
        proxying(command, tmp_path / "proxy", example(command, f"127.0.0.1:{server.port}")) as proxy,
        proxy.connection() as slow,
    ):
        head = post_head(4_194_304).replace(b"Host: test", f"Host: {HOST}".encode())
        slow.sendall(head + b" " * 500_000)
        time.sleep(0.5)
        # The service has room for one such body: there is some only as long as it has not heard of the other.
        whole = encode(Traffic().batch(1)).ljust(4_194_304)
        stored = proxy.request("POST", "/v1/events", whole)
        assert (stored.status, stored.body) == (200, RECEIPT)
        assert server.stop() == 0


@pytest.mark.parametrize("command", PROXIES)
def test_the_forwarded_address_is_the_peers_whatever_the_client_claims(command: Command, tmp_path: Path) -> None:
    heads: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as upstream:

        def answer() -> None:
            connection, _ = upstream.accept()
            with connection:
                heads.append(connection.recv(65_536))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        answering = threading.Thread(target=answer)
        answering.start()
        config = example(command, f"127.0.0.1:{upstream.getsockname()[1]}")
        with proxying(command, tmp_path / "proxy", config) as proxy:
            forged = {"X-Forwarded-For": "203.0.113.7"} | NOT_PASSED_ON
            assert proxy.request("GET", "/v1/health", headers=forged).status == 200
        answering.join(10)

    headers = {name.lower(): value for name, value in parse(heads[0].replace(b"GET ", b"GET 0 ", 1)).headers.items()}
    assert headers["x-forwarded-for"] == CLIENT
    assert headers["host"].startswith(HOST)
    assert not headers.keys() & {name.lower() for name in NOT_PASSED_ON}
