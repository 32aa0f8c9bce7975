"""A stop during an erasure is quick and clean, and the next start finishes what was asked for."""

import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.storage.erasure.test_erasing import VANDAL, files_with, of_vandal
from tests.support.cli import running_command
from tests.support.commands import run, succeed
from tests.support.events import Traffic, encode
from tests.support.http import eventually
from tests.support.oracle import read
from tests.support.server import serving

# A unit has 45 s to stop; what stays in the way of an erasure is waited for for 30.
STOP_S = 15


@contextmanager
def held_snapshot(data_dir: Path) -> Iterator[None]:
    """Keep a reader in the way of emptying a segment's write-ahead log, until the end of the block."""
    (path,) = (data_dir / "events").glob("*.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchall()
        yield
        reader.execute("ROLLBACK")


def is_under_way(data_dir: Path) -> bool:
    return read(data_dir / "telemetry.db", "SELECT 1 FROM erasures WHERE counted_at IS NOT NULL") != []


def assert_finished_by_a_start(data_dir: Path) -> None:
    unfinished = "SELECT 1 FROM erasures WHERE finished_at IS NULL"
    assert read(data_dir / "telemetry.db", unfinished) == [(1,)]
    with serving(data_dir) as server:
        eventually(lambda: read(data_dir / "telemetry.db", unfinished) == [], within_s=20)
        assert files_with(data_dir, VANDAL) == []
        assert server.stop() == 0
    succeed("check", "--data-dir", data_dir)


def test_a_service_that_erases_stops_quickly_and_the_next_start_finishes_it(data_dir: Path) -> None:
    answers = []
    with serving(data_dir) as server:
        server.post(encode(of_vandal(Traffic(seed=1).batch(40))))
        with held_snapshot(data_dir):
            forgetting = threading.Thread(target=lambda: answers.append(run("forget", VANDAL, "--data-dir", data_dir)))
            forgetting.start()
            eventually(lambda: is_under_way(data_dir), within_s=20)
            started = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - started < STOP_S
            forgetting.join()
    assert not [line for line in server.output if "Traceback" in line or "ERROR" in line]
    assert (answers[0].returncode, answers[0].stdout) == (69, "")
    assert "it is finished at the next start" in answers[0].stderr
    assert_finished_by_a_start(data_dir)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_command_that_erases_by_itself_stops_quickly_and_the_next_start_finishes_it(
    data_dir: Path, number: signal.Signals
) -> None:
    with serving(data_dir) as server:
        server.post(encode(of_vandal(Traffic(seed=1).batch(40))))
        assert server.stop() == 0
    with held_snapshot(data_dir), running_command("forget", VANDAL, "--data-dir", data_dir) as command:
        eventually(lambda: is_under_way(data_dir), within_s=20)
        started = time.monotonic()
        command.signal(number)
        assert command.end() == 130
        assert time.monotonic() - started < STOP_S
        shown = command.errors()
    assert shown.count("telemetry: stopped: ") == 1
    assert "Traceback" not in shown
    assert_finished_by_a_start(data_dir)


def test_a_finished_erasure_is_asked_for_again_as_a_new_one(data_dir: Path) -> None:
    with serving(data_dir) as server:
        for seed in (1, 2):
            server.post(encode(of_vandal(Traffic(seed=seed).batch(10))))
            succeed("forget", VANDAL, "--data-dir", data_dir)
            assert files_with(data_dir, VANDAL) == []
        assert server.stop() == 0
    succeed("check", "--data-dir", data_dir)
