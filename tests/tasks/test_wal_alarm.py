"""Case 14 of the fault list: a reader that holds its snapshot for long."""

import http.client
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.storage.sqlite.database import WAL_BYTES_KEPT
from tests.running.test_storage_faults import segment_of
from tests.support.admin import scrape
from tests.support.events import Traffic
from tests.support.http import eventually
from tests.support.load import Ledger
from tests.support.server import ServerProcess, serving

WARNING = "a write-ahead log keeps growing"


def wal_bytes(server: ServerProcess) -> float:
    return scrape(server.data_dir).value("wal_bytes", database="segments")


def post_until(server: ServerProcess, ledger: Ledger, traffic: Traffic, condition: Callable[[], bool]) -> None:
    """Post batches over one connection, all of which must be taken, until a condition holds."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        for number in range(5_000):
            ledger.post(connection, traffic.batch(2))
            assert not ledger.refused
            if number % 20 == 0 and condition():
                return
    raise AssertionError("the condition never held")


@pytest.mark.case(14)
def test_a_reader_that_holds_a_snapshot_costs_no_event_and_is_told_of_until_it_lets_go(data_dir: Path) -> None:
    traffic, ledger = Traffic(), Ledger()
    grown = WAL_BYTES_KEPT + 4_000_000
    with serving(data_dir, "--flush-interval-s", "0.2", "--wal-alarm-bytes", str(grown)) as server:
        post_until(server, ledger, traffic, lambda: True)
        with closing(sqlite3.connect(segment_of(server), isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM events").fetchone()
            post_until(server, ledger, traffic, lambda: wal_bytes(server) > grown)
            eventually(lambda: any(WARNING in line for line in server.output))
        post_until(server, ledger, traffic, lambda: wal_bytes(server) <= WAL_BYTES_KEPT)
        assert server.stop() == 0

    ledger.check(data_dir)
