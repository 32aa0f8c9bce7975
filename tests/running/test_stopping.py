"""Cases 21 and 22 of the fault list: stopping with requests in flight."""

import http.client
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from tests.running.test_storage_faults import segment_of
from tests.support.events import Traffic, encode
from tests.support.faults import held_lock
from tests.support.load import Ledger
from tests.support.server import serving

REQUESTS = 100


@pytest.mark.case(21)
def test_requests_in_flight_at_sigterm_get_their_reply_or_a_reset_and_the_final_flush_is_done(data_dir: Path) -> None:
    traffic, ledger = Traffic(), Ledger()
    with serving(data_dir) as server:
        ledger.unanswered.append(encode(traffic.batch(1)))
        ledger.resend(server)
        batches = [traffic.batch(2) for _ in range(REQUESTS)]

        def client(number: int) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            try:
                ledger.post(connection, batches[number])
            except (OSError, http.client.HTTPException):
                pass
            finally:
                connection.close()

        threads = [threading.Thread(target=client, args=(number,)) for number in range(REQUESTS)]
        with held_lock(segment_of(server)):
            for thread in threads:
                thread.start()
            time.sleep(0.5)
            server.signal(signal.SIGTERM)
            time.sleep(0.5)
        for thread in threads:
            thread.join()
        assert server.wait(20) == 0

    ledger.check(data_dir)
    assert len(ledger.acknowledged) > REQUESTS


@pytest.mark.case(22)
def test_sigterm_with_a_stalled_body_ends_in_time(data_dir: Path) -> None:
    with (
        serving(data_dir, "--shutdown-timeout-s", "1") as server,
        socket.create_connection(("127.0.0.1", server.port)) as stalled,
    ):
        stalled.sendall(b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
        time.sleep(0.2)
        started = time.monotonic()
        assert server.stop(10) == 0

    assert time.monotonic() - started < 5


def test_clients_are_asked_to_leave_while_the_service_stops(data_dir: Path) -> None:
    with serving(data_dir) as server:
        server.post(encode(Traffic().batch(1)))
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        connection.request("GET", "/v1/health")
        assert connection.getresponse().read()
        server.signal(signal.SIGTERM)
        time.sleep(0.1)
        connection.request("GET", "/v1/health")
        response = connection.getresponse()
        response.read()
        connection.close()
        assert server.wait(20) == 0

    assert response.getheader("Connection") == "close"
