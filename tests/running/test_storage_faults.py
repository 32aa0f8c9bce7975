"""Cases 9, 12 and 13 of the fault list: a full disk and a held lock, on a real process."""

import os
import shutil
import subprocess
import time
from itertools import pairwise
from pathlib import Path

import pytest

from telemetry.storage.sqlite.database import LOCK_WAIT_S
from tests.support.events import Traffic, encode
from tests.support.faults import faulty, held_lock
from tests.support.flood import NARROW_QUEUE, QUEUE_EVENTS_MAX, Flood
from tests.support.load import Ledger
from tests.support.server import Answer, ServerProcess, serving
from tests.support.service_manager import service_manager

# As in the unit.
WATCHDOG_S = 30


def segment_of(server: ServerProcess) -> Path:
    (segment,) = (server.data_dir / "events").glob("*.db")
    return segment


def post_until_refused(server: ServerProcess, traffic: Traffic, ledger: Ledger) -> Answer:
    for _ in range(2_000):
        batch = traffic.batch(50)
        answer = server.post(encode(batch))
        if answer.status != 200:
            return answer
        ledger.enter(batch)
    raise AssertionError("never refused")


def assert_full_and_healing(server: ServerProcess, make_room: list[str]) -> None:
    traffic, ledger = Traffic(), Ledger()
    refused = post_until_refused(server, traffic, ledger)
    assert (refused.status, refused.json["code"]) == (503, "storage_full")
    assert int(refused.headers["Retry-After"]) > 0
    health = server.request("GET", "/v1/health")
    assert (health.status, health.json["reason"]) == (503, "storage_full")
    assert server.request("GET", "/v1/stats").status == 200

    subprocess.run(make_room, check=True)
    deadline = time.monotonic() + 10
    while server.request("GET", "/v1/health").status != 200:
        assert time.monotonic() < deadline, "health did not heal by itself"
        time.sleep(0.1)
    batch = traffic.batch(5)
    assert server.post(encode(batch)).status == 200
    ledger.enter(batch)
    assert server.stop() == 0
    ledger.check(server.data_dir)


@pytest.mark.case(9)
def test_a_file_size_limit_is_told_as_storage_full_and_heals_by_itself(data_dir: Path) -> None:
    with serving(data_dir, prefix=("prlimit", "--fsize=900000:unlimited")) as server:
        assert_full_and_healing(server, ["prlimit", "--pid", str(server.pid), "--fsize=unlimited"])


@pytest.mark.case(9)
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small disk")
def test_a_full_disk_is_told_as_storage_full_and_heals_by_itself(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], check=True)
    try:
        with serving(disk / "data") as server:
            assert_full_and_healing(server, ["mount", "-o", "remount,size=64m", str(disk)])
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.case(12)
def test_a_lock_held_for_a_moment_delays_the_answer_and_nothing_else(data_dir: Path) -> None:
    traffic, ledger = Traffic(), Ledger()
    with serving(data_dir) as server:
        ledger.unanswered += [encode(traffic.batch(1))]
        ledger.resend(server)
        ledger.unanswered += [encode(traffic.batch(3)) for _ in range(2)]
        with held_lock(segment_of(server)):
            released = subprocess.Popen(["sleep", "3"])
            waiting = _post_in_background(server, ledger)
            released.wait()
        assert waiting.wait(10) == 0
        ledger.resend(server)
        assert server.stop() == 0

    assert len(ledger.check(data_dir)) == 7


@pytest.mark.case(13)
def test_a_lock_held_too_long_is_told_as_busy_until_it_is_released(data_dir: Path) -> None:
    traffic, ledger = Traffic(), Ledger()
    with serving(data_dir) as server:
        ledger.unanswered.append(encode(traffic.batch(1)))
        ledger.resend(server)
        with held_lock(segment_of(server)):
            started = time.monotonic()
            refused = server.post(encode(traffic.batch(3)))
            assert time.monotonic() - started >= LOCK_WAIT_S - 0.5
        assert (refused.status, refused.json["code"]) == (503, "busy")
        assert "Retry-After" in refused.headers
        ledger.unanswered.append(encode(traffic.batch(3)))
        ledger.resend(server)
        assert server.stop() == 0

    assert len(ledger.check(data_dir)) == 4


@pytest.mark.case(13)
@pytest.mark.torture
def test_a_flood_on_a_lock_held_for_60_s_is_told_as_busy_and_the_watchdog_stays_fed(tmp_path: Path) -> None:
    data_dir, ledger = tmp_path / "data", Ledger()
    with (
        service_manager(tmp_path, watchdog_s=WATCHDOG_S) as manager,
        manager.serving(data_dir, *NARROW_QUEUE) as server,
    ):
        ledger.unanswered.append(encode(Traffic().batch(1)))
        ledger.resend(server)
        with held_lock(segment_of(server)):
            refused, released_at = Flood(server, ledger), time.monotonic() + 60
            lengths = refused.pour(until=lambda: time.monotonic() > released_at)
            fed = [at for at, message in manager.messages if "WATCHDOG" in message]
            fed.append(time.monotonic())
        # The same clients: what they send first is what was refused first.
        taken = Flood(server, ledger)
        taken.pour(until=lambda: taken.taken > 100)
        assert server.request("GET", "/v1/health").status == 200
        assert server.stop() == 0

    assert set(refused.codes) == {"503 busy"}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused.answers)
    assert max(lengths) == QUEUE_EVENTS_MAX
    assert max(later - earlier for earlier, later in pairwise(fed)) < WATCHDOG_S
    assert len(ledger.check(data_dir)) == len(ledger.acknowledged)


def _post_in_background(server: ServerProcess, ledger: Ledger) -> subprocess.Popen[bytes]:
    """Send the first of the unanswered bodies from another process, which ends with 0 on a 200."""
    client = ["curl", "--fail", "--silent", "--output", os.devnull, "--data-binary", "@-", f"{server.url}/v1/events"]
    process = subprocess.Popen(client, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(ledger.unanswered[0])
    process.stdin.close()
    return process


@pytest.mark.case(7)
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs the Debian package strace")
def test_a_sync_that_fails_is_told_as_storage_error_and_what_is_sent_again_is_stored_once(data_dir: Path) -> None:
    traffic, ledger = Traffic(), Ledger()
    with serving(data_dir) as server:
        server.post(encode(traffic.batch(1)))
        server.stop()
    with serving(data_dir, prefix=faulty("fdatasync:error=EIO:when=2..6")) as server:
        codes = []
        for _ in range(3):
            body = encode(traffic.batch(2))
            while (answer := server.post(body)).status != 200:
                codes.append(answer.json["code"])
                assert len(codes) < 50, "never recovered"
            ledger.unanswered.append(body)
        server.kill()
    assert set(codes) == {"storage_error"}
    with serving(data_dir) as server:
        ledger.resend(server)
        assert server.stop() == 0
    assert len(ledger.check(data_dir)) == 7
