"""Cases 7, 10, 11 and 15 of the fault list: disks that fail, fill up or turn read-only, and checkpoints of others."""

import http.client
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.disks import BreakableDisk, fill, memory_disk, needs_root, remount
from tests.support.events import Traffic, encode
from tests.support.faults import faulty
from tests.support.http import eventually
from tests.support.load import Ledger, load
from tests.support.segments import CHECKPOINT_PAGES, PAGE_BYTES
from tests.support.server import Answer, ServerProcess, serving

NO_FLUSHES = ("--flush-interval-s", "3600")


def segment_of(server: ServerProcess) -> Path:
    (segment,) = (server.data_dir / "events").glob("*.db")
    return segment


def wal_bytes(server: ServerProcess) -> int:
    return segment_of(server).with_suffix(".db-wal").stat().st_size


def health(server: ServerProcess) -> Answer:
    return server.request("GET", "/v1/health")


def restart_and_check(data_dir: Path, ledger: Ledger) -> None:
    """Start again, send what was not acknowledged and something new, and compare everything."""
    with serving(data_dir) as server:
        ledger.unanswered.append(encode(Traffic(seed=99).batch(2)))
        ledger.resend(server)
        assert health(server).status == 200
        assert server.stop() == 0
    ledger.check(data_dir)


@pytest.mark.case(7)
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs the Debian package strace")
def test_a_sync_that_fails_makes_health_fail_until_one_succeeds_again(data_dir: Path) -> None:
    traffic, ledger = Traffic(), Ledger()
    with serving(data_dir) as server:
        ledger.unanswered.append(encode(traffic.batch(1)))
        ledger.resend(server)
        assert server.stop() == 0
    with serving(data_dir, *NO_FLUSHES, prefix=faulty("fdatasync:error=EIO:when=3..4")) as server:
        while (answer := server.post(encode(batch := traffic.batch(2)))).status == 200:
            ledger.enter(batch)
        assert (answer.status, answer.json["code"]) == (503, "storage_error")
        assert int(answer.headers["Retry-After"]) > 0
        assert (health(server).status, health(server).json["reason"]) == (503, "storage_error")
        ledger.unanswered.append(encode(batch))

        eventually(lambda: health(server).status == 200, within_s=15)
        ledger.resend(server)
        server.kill()
    restart_and_check(data_dir, ledger)


def post_until(server: ServerProcess, traffic: Traffic, ledger: Ledger, *, wal_pages: int) -> Answer | None:
    """Post events one by one until the log is so long, or one is refused; return the refusal."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        while not ledger.refused and wal_bytes(server) < wal_pages * PAGE_BYTES:
            ledger.post(connection, traffic.batch(1))
    return ledger.refused[-1] if ledger.refused else None


@pytest.mark.case(10)
@needs_root
def test_a_disk_that_is_full_at_a_checkpoint_refuses_nothing_that_the_log_has_room_for(tmp_path: Path) -> None:
    traffic, ledger = Traffic(), Ledger()
    pages = CHECKPOINT_PAGES + 200
    with memory_disk(tmp_path / "disk", size="60m") as disk, serving(disk / "data", *NO_FLUSHES) as server:
        ledger.unanswered.append(encode(traffic.batch(1)))
        ledger.resend(server)
        # A reader keeps the checkpoint back until the file of the write-ahead log has room for more than one round.
        with closing(sqlite3.connect(segment_of(server), isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM events").fetchall()
            assert post_until(server, traffic, ledger, wal_pages=pages) is None
        # The checkpoint that waited is made, and the log begins anew in the same file.
        ledger.unanswered += [encode(traffic.batch(1)) for _ in range(2)]
        ledger.resend(server)
        before, ballast = len(ledger.acknowledged), fill(disk)

        refused = post_until(server, traffic, ledger, wal_pages=pages * 2)

        # Each commit writes two pages at least: these are more than a checkpoint waits for, so it was tried and failed.
        assert refused is not None
        assert (refused.status, refused.json["code"]) == (503, "storage_full")
        assert len(ledger.acknowledged) - before > CHECKPOINT_PAGES // 2
        ballast.unlink()
        eventually(lambda: health(server).status == 200)
        ledger.unanswered.append(encode(traffic.batch(5)))
        ledger.resend(server)
        assert server.stop() == 0
        ledger.check(disk / "data")


@pytest.mark.case(11)
@needs_root
def test_a_read_only_data_directory_is_a_clear_error_at_start(tmp_path: Path) -> None:
    ledger = Ledger()
    with memory_disk(tmp_path / "disk", size="8m") as disk:
        restart_and_check(disk / "data", ledger)
        remount(disk, "ro")
        for folder in (disk / "data", disk / "new"):
            server = ServerProcess(folder)

            assert server.wait() == 73
            assert str(folder) in server.output[-1]
            assert "Read-only file system" in server.output[-1]
            assert len(server.output) == 1
        remount(disk, "rw")
        restart_and_check(disk / "data", ledger)


@pytest.mark.case(11)
@needs_root
@pytest.mark.skipif(shutil.which("mkfs.ext4") is None, reason="needs the Debian package e2fsprogs")
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.torture) for seed in range(1, 21))])
def test_a_disk_that_turns_read_only_later_is_told_as_unavailable_and_loses_nothing(tmp_path: Path, seed: int) -> None:
    # What the file system loses of a sync that is under way differs from time to time.
    traffic, ledger = Traffic(), Ledger()
    disk = BreakableDisk(tmp_path / "image", tmp_path / "disk")
    with disk.mounted() as folder, serving(folder / "data", *NO_FLUSHES) as server:
        with load(server, ledger, seed=1, clients=8):
            eventually(lambda: len(ledger.acknowledged) > 100 + 10 * seed)
            disk.break_down()
            eventually(lambda: bool(ledger.refused))

        answer = server.post(encode(traffic.batch(2)))
        assert (answer.status, answer.json["code"]) == (503, "storage_error")
        assert int(answer.headers["Retry-After"]) > 0
        assert (health(server).status, health(server).json["reason"]) == (503, "storage_error")
        assert server.request("GET", "/v1/stats").status == 200
        server.kill()
    with disk.mounted() as folder:
        restart_and_check(folder / "data", ledger)


CHECKPOINT_FOR_EVER = """
import sqlite3, sys
connections = [sqlite3.connect(path, isolation_level=None, timeout=1) for path in sys.argv[1:]]
while True:
    for connection in connections:
        print(*connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone(), flush=True)
"""


@pytest.mark.case(15)
def test_checkpoints_by_another_program_disturb_nothing(data_dir: Path) -> None:
    ledger = Ledger()
    with serving(data_dir, "--flush-interval-s", "0.05") as server:
        ledger.unanswered.append(encode(Traffic().batch(1)))
        ledger.resend(server)
        files = (str(segment_of(server)), str(data_dir / "telemetry.db"))
        other = subprocess.Popen([sys.executable, "-c", CHECKPOINT_FOR_EVER, *files], stdout=subprocess.PIPE, text=True)
        try:
            with load(server, ledger, seed=1):
                eventually(lambda: len(ledger.acknowledged) > 2_000, within_s=30)
        finally:
            other.kill()
            checkpoints = other.communicate()[0].splitlines()
        assert server.stop() == 0

    assert not ledger.refused
    # Those that began with a 0 were made and not kept out by the service's own work.
    assert sum(line.startswith("0 ") for line in checkpoints) > 20
    ledger.check(data_dir)
