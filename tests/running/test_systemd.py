"""Case 26 of the fault list, and what the service tells a service manager, on real processes and real sockets."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from telemetry.systemd import Notifier, inherited_sockets
from tests.running.test_storage_faults import segment_of
from tests.support.events import Traffic, encode
from tests.support.faults import held_lock
from tests.support.load import Ledger, load
from tests.support.proxies import free_port
from tests.support.server import ServerProcess
from tests.support.service_manager import service_manager

needs_socket_activate = pytest.mark.skipif(
    shutil.which("systemd-socket-activate") is None, reason="needs the Debian package systemd"
)
RECEIPT = b'{"success":true,"eventsProcessed":1}'


@contextmanager
def activated(data_dir: Path, address: str, variables: Mapping[str, str]) -> Iterator[ServerProcess]:
    """Have a service that starts with the first connection to an address."""
    passed = [argument for name, value in variables.items() for argument in ("-E", f"{name}={value}")]
    server = ServerProcess(data_dir, prefix=("systemd-socket-activate", "-l", address, *passed), has_sockets=True)
    try:
        while not server.output:
            time.sleep(0.01)
        yield server
    finally:
        if server.running:
            server.kill()


@needs_socket_activate
def test_under_systemd_socket_activate_the_connection_that_starts_the_service_is_answered(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    with (
        service_manager(tmp_path, watchdog_s=0.6) as manager,
        activated(tmp_path / "data", address, os.environ | manager.environment) as server,
    ):
        server.url = f"http://{address}"
        assert server.post(encode(Traffic().batch(1))).body == RECEIPT
        manager.await_message("WATCHDOG", "1", times=3)
        assert server.stop() == 0

    assert any(f"listens on http://{address}" in line for line in server.output)
    told = [message for _, message in manager.messages]
    assert told[0] == {"STATUS": "replaying"}
    assert told[1] == {"READY": "1", "WATCHDOG": "1", "STATUS": "accepting events"}
    assert told[-1] == {"STOPPING": "1", "STATUS": "stopping"}


def test_a_port_that_is_set_where_the_sockets_decide_is_an_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = ServerProcess(
            tmp_path / "data",
            prefix=("bash", "-c", f'export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@" 3<&{listening.fileno()}', "bash"),
            environment={"TELEMETRY_PORT": "9000"},
            descriptors=[listening.fileno()],
            has_sockets=True,
        )
        assert server.wait() == 78

    assert "setting port: TELEMETRY_PORT says '9000', and the socket unit decides" in server.output[-1]


@needs_socket_activate
def test_a_unix_socket_serves_as_well(tmp_path: Path) -> None:
    path = tmp_path / "http"
    with activated(tmp_path / "data", str(path), os.environ) as server:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b"GET /v1/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert server.stop() == 0
    assert any(f"listens on unix:{path}" in line for line in server.output)


def stop_and_let_the_watchdog_act(tmp_path: Path, *, watchdog_s: float, stopped_s: float) -> None:
    """Stop the process while it is under load, and do as systemd does when no ping comes in time: kill, start anew."""
    data_dir, ledger = tmp_path / "data", Ledger()
    with service_manager(tmp_path, watchdog_s=watchdog_s) as manager:
        with manager.serving(data_dir) as server:
            manager.await_message("WATCHDOG", "1")
            with load(server, ledger, seed=1):
                time.sleep(0.3)
                server.signal(signal.SIGSTOP)
                time.sleep(0.1)
                before = manager.count("WATCHDOG", "1")
                time.sleep(stopped_s)
                assert manager.count("WATCHDOG", "1") == before
                last_told_at = manager.messages[-1][0]
                assert time.monotonic() - last_told_at > watchdog_s
                server.kill()
        with manager.serving(data_dir) as server:
            ledger.resend(server)
            manager.await_message("WATCHDOG", "1", times=before + 2)
            assert server.stop() == 0
    assert ledger.acknowledged
    ledger.check(data_dir)


@pytest.mark.case(26)
def test_a_stopped_process_is_not_taken_for_alive_and_started_anew_has_lost_nothing(tmp_path: Path) -> None:
    stop_and_let_the_watchdog_act(tmp_path, watchdog_s=0.9, stopped_s=1.2)


@pytest.mark.case(26)
@pytest.mark.torture
def test_a_process_stopped_for_40_s_is_not_taken_for_alive_by_the_units_watchdog(tmp_path: Path) -> None:
    stop_and_let_the_watchdog_act(tmp_path, watchdog_s=30, stopped_s=40)


def test_a_writer_that_hangs_proves_nothing_and_storage_that_fails_is_told_and_heals(tmp_path: Path) -> None:
    traffic = Traffic()
    with service_manager(tmp_path, watchdog_s=0.6) as manager, manager.serving(tmp_path / "data") as server:
        assert server.post(encode(traffic.batch(1))).status == 200
        with held_lock(segment_of(server)):
            # The thread waits for the lock; the loop goes on answering meanwhile.
            assert server.post(encode(traffic.batch(1))).json["code"] == "busy"
            manager.await_message("STATUS", "failing: busy")
        accepting = manager.count("STATUS", "accepting events")
        manager.await_message("STATUS", "accepting events", times=accepting + 1)
        assert server.stop() == 0

    pings = [at for at, message in manager.messages if "WATCHDOG" in message]
    assert max(later - earlier for earlier, later in pairwise(pings)) > 3


def test_a_long_replay_asks_for_more_time_to_start(tmp_path: Path) -> None:
    traffic = Traffic()
    with service_manager(tmp_path) as manager:
        with manager.serving(tmp_path / "data", "--flush-interval-s", "3600") as server:
            for _ in range(2):
                assert server.post(encode(traffic.batch(100))).status == 200
            server.kill()
        ready_before = manager.count("READY", "1")
        with manager.serving(tmp_path / "data") as server:
            manager.await_message("READY", "1", times=ready_before + 1)
            assert server.stop() == 0

    asked = [number for number, (_, message) in enumerate(manager.messages) if "EXTEND_TIMEOUT_USEC" in message]
    ready = [number for number, (_, message) in enumerate(manager.messages) if "READY" in message]
    assert ready[0] < asked[0] < ready[-1]


def test_a_manager_that_does_not_listen_keeps_nobody_waiting(tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(path))
        notifier = Notifier({"NOTIFY_SOCKET": str(path)})
        started = time.monotonic()
        for _ in range(10_000):
            notifier.tell(WATCHDOG=1)
        assert time.monotonic() - started < 10
    notifier.tell(WATCHDOG=1)
    Notifier({}).tell(WATCHDOG=1)


def test_a_process_without_free_descriptors_tells_nothing_and_goes_on() -> None:
    program = (
        "import os, resource; from telemetry.systemd import Notifier;"
        "notifier = Notifier({'NOTIFY_SOCKET': '@nobody'});"
        "limits = resource.getrlimit(resource.RLIMIT_NOFILE);"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]));"
        "notifier.tell(WATCHDOG=1); os.write(1, b'alive');"
        "resource.setrlimit(resource.RLIMIT_NOFILE, limits)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (ran.stdout, ran.stderr) == ("alive", "")


def test_an_abstract_address_is_understood() -> None:
    name = f"telemetry-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hearing:
        hearing.bind(f"\0{name}")
        Notifier({"NOTIFY_SOCKET": f"@{name}"}).tell(READY=1, STATUS="here")
        assert hearing.recv(100) == b"READY=1\nSTATUS=here"


def test_more_time_to_start_is_asked_for_once_a_second(tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hearing:
        hearing.bind(str(path))
        notifier = Notifier({"NOTIFY_SOCKET": str(path)})
        for monotonic in (5.0, 5.5, 5.9, 6.0):
            notifier.extend_start(monotonic)
        hearing.setblocking(False)
        assert [hearing.recv(100) for _ in range(2)] == [b"EXTEND_TIMEOUT_USEC=60000000"] * 2
        with pytest.raises(BlockingIOError):
            hearing.recv(100)


def test_what_is_meant_for_another_process_is_left_alone() -> None:
    own, other = str(os.getpid()), str(os.getppid())

    assert Notifier({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": own}).watchdog_interval_s == 30
    assert Notifier({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": other}).watchdog_interval_s is None
    assert inherited_sockets({"LISTEN_FDS": "1", "LISTEN_PID": other}) == []


def test_children_inherit_neither_the_sockets_nor_the_variables(tmp_path: Path) -> None:
    program = (
        "import os, subprocess, sys; from telemetry.systemd import Notifier, inherited_sockets;"
        "Notifier(); (listening,) = inherited_sockets();"
        "print(listening.getsockname()[1], os.get_inheritable(listening.fileno()), flush=True);"
        "subprocess.run(['env'])"
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        moved = f'export LISTEN_FDS=1 LISTEN_PID=$$ NOTIFY_SOCKET=/x; exec "$@" 3<&{listening.fileno()}'
        ran = subprocess.run(
            ["bash", "-c", moved, "bash", sys.executable, "-c", program],
            pass_fds=[listening.fileno()],
            capture_output=True,
            text=True,
            check=True,
        )
        assert ran.stdout.startswith(f"{listening.getsockname()[1]} False\n")
    assert "LISTEN_" not in ran.stdout
    assert "NOTIFY_SOCKET" not in ran.stdout
