"""Case 20 of the fault list: sealing is killed at each of its steps, with and without the service."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from telemetry.storage.sqlite.access import has_journal
from tests.support import oracle
from tests.support.commands import succeed
from tests.support.http import eventually
from tests.support.load import Ledger, load
from tests.support.segments import is_running, is_sealed, is_stopped, leave_journal, make_segment, sealed_days, segment
from tests.support.server import ServerProcess, serving

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs the Debian package strace")

ROWS = 3_000
DAY = "2026-11-22"
SEALED = b'{"counts": [%d, %d]}\n' % (ROWS, ROWS)
# What changes files, by its name and how often sealing this many rows calls it.
STEPS = {"pwrite64": 60, "fdatasync": 8, "fsync": 8, "unlink": 6, "ftruncate": 2, "fchmod": 1}


def seal(path: Path, *prefix: str) -> subprocess.CompletedProcess[bytes]:
    """Run the sealing process as the service does."""
    command = [*prefix, sys.executable, "-m", "telemetry.storage.log.sealing", str(path), str(ROWS), str(os.getpid())]
    return subprocess.run(command, capture_output=True, timeout=60, check=False)


@pytest.mark.case(20)
@needs_strace
@pytest.mark.parametrize(("call", "most"), STEPS.items())
@pytest.mark.parametrize("kills", [3, pytest.param(10, marks=pytest.mark.torture)])
def test_a_kill_at_any_step_leaves_a_segment_that_is_sealed_the_next_time(
    tmp_path: Path, call: str, most: int, kills: int
) -> None:
    original = tmp_path / "original.db"
    make_segment(original, ROWS)
    died = 0
    for number in sorted({1, *range(2, most + 1, -(-most // kills))}):
        path = segment(tmp_path / str(number), DAY)
        path.parent.mkdir(parents=True)
        shutil.copy(original, path)
        injected = f"inject={call}:signal=KILL:when={number}"
        killed = seal(path, "strace", "-D", "-qq", "-o", os.devnull, "-e", injected)
        died += killed.returncode != 0
        again = seal(path)
        assert again.stdout == SEALED, again
        assert is_sealed(path)
        assert oracle.read(path, "PRAGMA integrity_check") == [("ok",)]
        assert sorted(path.parent.iterdir()) == [path]
    assert died > 0


def test_a_full_disk_while_sealing_leaves_a_segment_that_is_sealed_when_there_is_room(tmp_path: Path) -> None:
    path = segment(tmp_path, DAY)
    make_segment(path, ROWS)
    full = seal(path, "prlimit", f"--fsize={path.stat().st_size + 100_000}")
    assert "failed" in json.loads(full.stdout)
    assert oracle.read(path, "SELECT count(*) FROM events") == [(ROWS,)]

    assert seal(path).stdout == SEALED
    assert is_sealed(path)


def test_sealing_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    path = segment(tmp_path, DAY)
    make_segment(path, ROWS)
    orphan = [sys.executable, "-m", "telemetry.storage.log.sealing", str(path), str(ROWS), "1"]

    assert subprocess.run(orphan, timeout=60, check=False).returncode == 1
    assert not is_sealed(path)


def wait_until_sealing(server: ServerProcess, day: str) -> int | None:
    """Return the id of the process that seals a day, or None if that is done."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
    found: list[int] = []

    def seen() -> bool:
        found.extend(int(child) for child in children.read_text().split())
        return bool(found) or day in sealed_days(server.data_dir)

    eventually(seen)
    return found[0] if found else None


def kill_while_sealing(data_dir: Path, day: str, ledger: Ledger) -> int:
    """Kill the service again and again while it seals, a little later each time; return how often that was."""
    for number in range(3):
        with serving(data_dir) as server, load(server, ledger, seed=number, clients=1):
            child = wait_until_sealing(server, day)
            if child is None:
                return number
            time.sleep(0.1 * number)
            server.kill()
        eventually(lambda child=child: not is_running(child))  # type: ignore[misc]
    return 3


@pytest.mark.case(20)
def test_a_service_killed_while_it_seals_loses_nothing_and_seals_at_the_next_start(data_dir: Path) -> None:
    ledger = Ledger()
    day = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    succeed("migrate", "--data-dir", data_dir)
    make_segment(segment(data_dir, day), ROWS * 10)

    assert kill_while_sealing(data_dir, day, ledger) > 1
    with serving(data_dir) as server:
        ledger.resend(server)
        eventually(lambda: day in sealed_days(data_dir))
        assert server.stop() == 0

    assert is_sealed(segment(data_dir, day))
    ledger.check(data_dir)


def test_a_journal_left_by_a_kill_is_rolled_back_when_the_day_is_entered_again(data_dir: Path) -> None:
    succeed("migrate", "--data-dir", data_dir)
    make_segment(segment(data_dir, DAY), ROWS)
    leave_journal(segment(data_dir, DAY))
    with serving(data_dir) as server:
        assert server.stop() == 0

    assert len(oracle.check(data_dir)) == ROWS


def stop_at_an_index(server: ServerProcess) -> int:
    """Have the process that seals a day stand still while it writes an index; return its id."""
    child = wait_until_sealing(server, DAY)
    assert child is not None
    deadline = time.monotonic() + 20
    while not stops_with_a_journal(child, segment(server.data_dir, DAY)):
        # It may have been between two indexes, or between the sight of a journal and the signal.
        os.kill(child, signal.SIGCONT)
        assert time.monotonic() < deadline
        time.sleep(0.001)
    return child


def stops_with_a_journal(pid: int, path: Path) -> bool:
    """Stop a process, and tell whether it has left a journal beside a file."""
    if not has_journal(path):
        return False
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: is_stopped(pid))
    return has_journal(path)


@pytest.mark.case(20, 45)
def test_a_service_whose_sealing_process_is_killed_rolls_back_what_it_left(data_dir: Path) -> None:
    succeed("migrate", "--data-dir", data_dir)
    make_segment(segment(data_dir, DAY), ROWS * 20)
    with serving(data_dir) as server:
        os.kill(stop_at_an_index(server), signal.SIGKILL)
        eventually(lambda: not has_journal(segment(data_dir, DAY)), within_s=5)
        assert DAY not in sealed_days(data_dir)
        assert server.stop() == 0


@pytest.mark.case(20, 45)
def test_a_stop_while_sealing_is_quick_and_leaves_nothing_to_roll_back(data_dir: Path) -> None:
    succeed("migrate", "--data-dir", data_dir)
    make_segment(segment(data_dir, DAY), ROWS * 20)
    with serving(data_dir) as server:
        stop_at_an_index(server)
        started = time.monotonic()
        assert server.stop() == 0
    assert time.monotonic() - started < 5
    assert not has_journal(segment(data_dir, DAY))
    assert oracle.read(segment(data_dir, DAY), "PRAGMA quick_check") == [("ok",)]
