"""Case 51 of the fault list: more connections than there are descriptors for, and none left for a sealing."""

import logging
import resource
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from telemetry.storage.log.sealing_process import SealingProcess
from telemetry.storage.sqlite.background import NotNowError
from telemetry.web.descriptors import RESERVED, connections_within, raise_limit
from tests.support.events import Traffic, encode
from tests.support.http import eventually
from tests.support.limits import descriptors_left
from tests.support.load import Ledger
from tests.support.server import ServerProcess, serving

FEW = 64
QUICK = ("--flush-interval-s", "0.2", "--keepalive-timeout-s", "4")


def open_files(server: ServerProcess) -> int:
    return len(list(Path(f"/proc/{server.pid}/fd").iterdir()))


def highest_descriptor(server: ServerProcess) -> int:
    return max(int(entry.name) for entry in Path(f"/proc/{server.pid}/fd").iterdir())


def is_healthy(server: ServerProcess) -> bool:
    """Tell whether the service is healthy, and has heard that others have gone."""
    try:
        return server.request("GET", "/v1/health").status == 200
    except OSError:
        return False


def posted(connection: socket.socket, body: bytes) -> bool:
    """Send a batch on an open connection; return whether it was accepted."""
    head = b"POST /v1/events HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n" % len(body)
    connection.sendall(head + body)
    return connection.recv(65_536).startswith(b"HTTP/1.1 200 ")


def idle_connections(stack: ExitStack, server: ServerProcess, count: int) -> list[socket.socket]:
    return [stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 10)) for _ in range(count)]


@pytest.mark.case(51)
@pytest.mark.parametrize("clients", [200, pytest.param(900, marks=pytest.mark.torture)])
def test_idle_connections_beyond_the_limit_are_closed_and_nothing_else_is_disturbed(
    data_dir: Path, clients: int
) -> None:
    traffic, ledger = Traffic(), Ledger()
    with serving(data_dir, *QUICK, prefix=("prlimit", f"--nofile={FEW}:{FEW}")) as server, ExitStack() as stack:
        busy = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 10))
        body = encode(traffic.batch(3))
        assert posted(busy, body)
        idle_connections(stack, server, clients)
        assert open_files(server) < FEW
        assert posted(busy, body)
        stack.close()

        ledger.unanswered.append(body)
        eventually(lambda: is_healthy(server))
        ledger.resend(server)
        eventually(lambda: server.request("GET", "/v1/stats").json["totalEvents"] == 3)
        assert server.stop() == 0
        assert sum(map(len, server.output)) < 4_000
    ledger.check(data_dir)


@pytest.mark.case(51)
def test_a_process_without_a_free_descriptor_flushes_and_says_once_a_minute_why_nobody_can_connect(
    data_dir: Path,
) -> None:
    traffic, ledger = Traffic(), Ledger()
    first, second = traffic.batch(2), traffic.batch(3)
    with serving(data_dir, *QUICK) as server, ExitStack() as stack:
        # The day's segment is open before no number is free.
        ledger.unanswered.append(encode(traffic.batch(1)))
        ledger.resend(server)
        busy = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 10))
        assert posted(busy, encode(first))
        ledger.enter(first)
        limits = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (highest_descriptor(server) + 1, limits[1]))
        idle_connections(stack, server, 300)
        eventually(lambda: any("connections cannot be taken" in line for line in server.output))
        assert posted(busy, encode(second))
        ledger.enter(second)
        time.sleep(1.5)
        stack.close()
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, limits)
        eventually(lambda: server.request("GET", "/v1/stats").json["totalEvents"] == 6, within_s=15)
        assert server.stop() == 0
    assert sum("connections cannot be taken" in line for line in server.output) == 1
    assert not any("flush failed" in line or "Traceback" in line for line in server.output)
    ledger.check(data_dir)


@pytest.mark.case(51)
async def test_a_sealing_for_which_no_process_can_be_started_is_put_off(imported: Path) -> None:
    (path,) = (imported / "events").glob("*.db")
    with descriptors_left(1), pytest.raises(NotNowError, match="no process can be started"):
        await SealingProcess.start(path, 1_000)


@pytest.mark.case(51)
def test_the_soft_limit_is_raised_and_leaves_descriptors_for_everything_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(1_024, hard), hard))
        assert raise_limit() == hard == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with caplog.at_level(logging.WARNING):
        assert connections_within(20_000, 8_192) == 8_192
        assert connections_within(resource.RLIM_INFINITY, 8_192) == 8_192
        assert not caplog.records
        assert connections_within(1_024, 8_192) == 1_024 - RESERVED
        assert connections_within(FEW, 8_192) == FEW // 4
    assert len(caplog.records) == 2
