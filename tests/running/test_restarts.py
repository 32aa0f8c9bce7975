"""Case 23 of the fault list: restarts under load, on a socket that outlives the service."""

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.events import Traffic
from tests.support.load import SECONDS_OF_A_CLIENT, STARTED, Ledger
from tests.support.service_manager import service_manager

CLIENTS = 8
LOST_MAX = 0.001
ANSWERED = ""


@contextmanager
def knocking(port: int, ledger: Ledger) -> Iterator[list[str]]:
    """Post batches until the end of the block, each on a connection of its own; give what became of each."""
    outcomes: list[str] = []
    stop = threading.Event()

    def client(number: int) -> None:
        traffic = Traffic(seed=number, moment=STARTED - timedelta(seconds=number * SECONDS_OF_A_CLIENT))
        while not stop.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            try:
                ledger.post(connection, traffic.batch(2))
                outcomes.append(ANSWERED)
            except (OSError, http.client.HTTPException) as error:
                outcomes.append(repr(error))
            finally:
                connection.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield outcomes
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def restart_under_load(tmp_path: Path, *, restarts: int) -> list[str]:
    """Return what became of every connection that was opened meanwhile."""
    data_dir, ledger, outcomes = tmp_path / "data", Ledger(), list[str]()
    with service_manager(tmp_path) as manager, ExitStack() as load:
        for restart in range(restarts + 1):
            with manager.serving(data_dir) as server:
                if restart == 0:
                    outcomes = load.enter_context(knocking(manager.port, ledger))
                time.sleep(0.5)
                if restart == restarts:
                    load.close()
                    ledger.resend(server)
                assert server.stop() == 0
    ledger.check(data_dir)
    assert not ledger.refused
    return outcomes


def assert_few_are_lost(outcomes: list[str]) -> None:
    lost = [outcome for outcome in outcomes if outcome != ANSWERED]
    assert len(lost) <= len(outcomes) * LOST_MAX, (len(outcomes), lost)


@pytest.mark.case(23)
def test_4_restarts_under_load_on_an_inherited_socket_lose_next_to_no_connection(tmp_path: Path) -> None:
    outcomes = restart_under_load(tmp_path, restarts=4)

    assert len(outcomes) > 100
    assert_few_are_lost(outcomes)


@pytest.mark.case(23)
@pytest.mark.torture
def test_15_restarts_under_load_on_an_inherited_socket_lose_next_to_no_connection(tmp_path: Path) -> None:
    outcomes = restart_under_load(tmp_path, restarts=15)
    print(len(outcomes), "connections,", len([o for o in outcomes if o != ANSWERED]), "lost")

    assert len(outcomes) > 1_000
    assert_few_are_lost(outcomes)
