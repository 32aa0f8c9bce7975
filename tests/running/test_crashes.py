"""Cases 1 to 4, 6, 16 and 18 of the fault list: a real process, killed at chosen and at random moments."""

import random
import re
import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support import oracle, tally
from tests.support.admin import scrape
from tests.support.events import SAMPLES, Traffic, encode
from tests.support.http import eventually
from tests.support.load import Ledger, load
from tests.support.recording import whole_lines
from tests.support.segments import PAGE_BYTES
from tests.support.server import ServerProcess, serving

EARLY_FLUSHES = ("--flush-interval-s", "0.05")
NO_FLUSHES = ("--flush-interval-s", "3600")
FRAME_HEAD_BYTES = 24

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs the Debian package strace")


def restart_and_check(data_dir: Path, ledger: Ledger) -> list[oracle.Raw]:
    """Start once more, as an operator would; let clients resend; stop; compare everything."""
    with serving(data_dir) as server:
        ledger.resend(server)
        assert server.request("GET", "/v1/health").status == 200
        assert server.stop() == 0
    return ledger.check(data_dir)


def kill_under_load(data_dir: Path, *, loops: int, seed: int) -> Ledger:
    chosen, ledger = random.Random(seed), Ledger()
    for loop in range(loops):
        flags = chosen.choice([EARLY_FLUSHES, NO_FLUSHES])
        with serving(data_dir, *flags) as server:
            ledger.resend(server)
            with load(server, ledger, seed=seed + loop):
                time.sleep(chosen.uniform(0.05, 0.4))
                server.kill()
        tally.current().add(tries=1)
    return ledger


@pytest.mark.case(1)
def test_a_process_killed_at_random_moments_under_load_keeps_every_acknowledged_event(data_dir: Path) -> None:
    ledger = kill_under_load(data_dir, loops=4, seed=1)

    restart_and_check(data_dir, ledger)
    assert len(ledger.acknowledged) > 50


@pytest.mark.case(1)
@pytest.mark.torture
def test_200_random_kills_under_load_lose_nothing(data_dir: Path, seed: int) -> None:
    halves = {data_dir / "one": seed + 1_000, data_dir / "other": seed + 2_000}
    with ThreadPoolExecutor(len(halves)) as threads:
        ledgers = threads.map(lambda half: kill_under_load(half, loops=100, seed=halves[half]), halves)
        for half, ledger in zip(halves, ledgers, strict=True):
            restart_and_check(half, ledger)
            assert len(ledger.acknowledged) > 6_000


@pytest.mark.case(2)
@needs_strace
def test_a_kill_between_commit_and_reply_stores_the_resent_batch_once(data_dir: Path) -> None:
    ledger = Ledger()
    with serving(data_dir) as server:
        ledger.unanswered.append(encode(Traffic().batch(3)))
        ledger.resend(server)
        server.stop()
    # The frames are written when fdatasync begins: killed there, the group is stored and nobody was told.
    died_there = 0
    for call in (2, 3, 5):
        prefix = ("strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", f"inject=fdatasync:signal=KILL:when={call}")
        server = ServerProcess(data_dir, *NO_FLUSHES, prefix=prefix)
        server._listening.wait(20)
        stored_before = len(oracle.raw_events(data_dir))
        if server.url:
            with load(server, ledger, seed=call, clients=1):
                server.wait()
            died_there += len(oracle.raw_events(data_dir)) > stored_before and bool(ledger.unanswered)
        server.wait()
        with serving(data_dir) as again:
            ledger.resend(again)
            assert again.stop() == 0
    ledger.check(data_dir)
    assert died_there > 0


def kill_at_start(data_dir: Path, call: str, file: Path, number: int) -> None:
    """Start, and kill when a call meets a file for the n-th time."""
    prefix = ("strace", "-D", "-f", "-qq", "-o", "/dev/null", "-P", str(file))
    server = ServerProcess(data_dir, prefix=(*prefix, "-e", f"inject={call}:signal=KILL:when={number}"))
    try:
        assert server.wait() == -signal.SIGKILL
    finally:
        if server.running:
            server.kill()
    tally.current().add(tries=1)


def be_killed_before_any_flush(data_dir: Path) -> Ledger:
    ledger = Ledger()
    with serving(data_dir, *NO_FLUSHES) as server:
        with load(server, ledger, seed=1, clients=2):
            eventually(lambda: len(ledger.acknowledged) > 200)
        server.kill()
    return ledger


@pytest.mark.case(3)
@needs_strace
def test_kills_inside_a_flush_move_nothing_and_count_nothing_twice(data_dir: Path) -> None:
    ledger = be_killed_before_any_flush(data_dir)
    revision = state(data_dir)
    # It writes seven pages, each by two calls; the last page is the commit.
    for write in (1, 7, 13):
        kill_at_start(data_dir, "pwrite64", data_dir / "telemetry.db-wal", write)
        assert state(data_dir) == revision

    restart_and_check(data_dir, ledger)


@pytest.mark.case(4)
@needs_strace
def test_kills_during_a_replay_count_nothing_twice(data_dir: Path) -> None:
    ledger = be_killed_before_any_flush(data_dir)
    (log,) = data_dir.glob("events/*.db-wal")
    # SQLite reads its header and each frame once, before anything is read from it.
    recovery = 1 + log.stat().st_size // (FRAME_HEAD_BYTES + PAGE_BYTES)
    for read in (1, 4):
        kill_at_start(data_dir, "pread64", log, recovery + read)

    restart_and_check(data_dir, ledger)


@pytest.mark.case(4)
def test_a_kill_just_after_a_flush_counts_nothing_twice(data_dir: Path) -> None:
    ledger = Ledger()
    for seed in range(3):
        with serving(data_dir, *EARLY_FLUSHES) as server:
            ledger.resend(server)
            with load(server, ledger, seed=seed, clients=1):
                revision = state(data_dir)
                while state(data_dir) == revision:
                    time.sleep(0.001)
                server.kill()

    restart_and_check(data_dir, ledger)


def state(data_dir: Path) -> int:
    ((revision,),) = oracle.read(data_dir / "telemetry.db", "SELECT revision FROM state")
    return int(revision)


class Step(NamedTuple):
    """A system call that did its part, and when it began and ended."""

    name: str
    begun: float
    ended: float


STEPS = {
    "request": r"recvfrom\(.*POST /v1/events",
    "write": r"pwrite64\(.*/events/[^>]*\.db-wal>",
    "sync": r"fdatasync\(.*/events/[^>]*\.db-wal>\) += 0 ",
    "reply": r"(sendto|writev|sendmsg)\(.*HTTP/1\.1 200",
}


def steps_of(trace: str) -> Iterator[Step]:
    for line in whole_lines(trace):
        for name, pattern in STEPS.items():
            if re.search(pattern, line):
                begun, took = float(line.split()[1]), float(line.rpartition("<")[2].rstrip(">"))
                yield Step(name, begun, begun + took)


@pytest.mark.case(6)
@needs_strace
def test_events_reach_the_disk_before_the_reply_leaves(data_dir: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    calls = "trace=recvfrom,pwrite64,fdatasync,sendto,writev,sendmsg"
    # Or a reply that does not wait for a sync could come after it by chance.
    slow = "inject=fdatasync:delay_enter=20000"
    prefix = ("strace", "-D", "-f", "-qq", "-ttt", "-T", "-y", "-s", "64", "-o", str(trace), "-e", calls, "-e", slow)
    with serving(data_dir, *NO_FLUSHES, prefix=prefix) as server:
        traffic = Traffic()
        for _ in range(5):
            assert server.post(encode(traffic.batch(2))).status == 200
        assert server.stop() == 0

    steps = list(steps_of(trace.read_text()))
    replies = [step for step in steps if step.name == "reply"]
    assert len(replies) == 5
    for reply in replies:
        asked = max(step.ended for step in steps if step.name == "request" and step.ended < reply.begun)
        between = [step for step in steps if asked < step.begun < reply.begun]
        written = max(step.ended for step in between if step.name == "write")
        assert any(step.name == "sync" and written < step.begun and step.ended < reply.begun for step in between)
    oracle.check(data_dir)


@pytest.mark.case(16)
def test_a_flipped_byte_in_the_write_ahead_log_leaves_a_consistent_prefix_and_is_reported(data_dir: Path) -> None:
    sent = [Traffic(seed=seed).batch(20) for seed in range(20)]
    with serving(data_dir, *EARLY_FLUSHES) as server:
        for batch in sent:
            assert server.post(encode(batch)).status == 200
        stored = len(oracle.raw_events(data_dir))
        eventually(lambda: oracle.read(data_dir / "telemetry.db", "SELECT watermark FROM segments") == [(stored,)])
        server.kill()
    (log,) = (data_dir / "events").glob("*.db-wal")
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 0xFF
    log.write_bytes(content)

    with serving(data_dir) as server:
        missing = int(scrape(data_dir).value("events_missing_total"))
        (told,) = [line for line in server.output if "a segment lost events" in line]
        assert server.post(encode(Traffic(seed=99).batch(1))).status == 200
        assert server.stop() == 0
    *prefix, fresh = oracle.raw_events(data_dir)
    assert oracle.read(data_dir / "events" / f"{fresh.day}.db", "PRAGMA integrity_check") == [("ok",)]
    assert 0 < missing == stored - len(prefix)
    assert str(missing) in told
    assert [event.id for event in prefix] == list(range(1, len(prefix) + 1))
    assert fresh.id == stored + 1


@pytest.mark.case(18)
def test_a_second_instance_on_the_same_directory_ends_at_once_and_says_why(data_dir: Path) -> None:
    with serving(data_dir) as server:
        second = ServerProcess(data_dir)
        assert second.wait(5) == 75
        assert "another process is using" in second.output[-1]
        assert server.request("GET", "/v1/health").status == 200


def test_a_real_clients_day_survives_a_kill_and_reads_the_same_in_the_stats(data_dir: Path) -> None:
    with serving(data_dir, "--flush-interval-s", "0.2") as server:
        for sample in SAMPLES:
            assert server.post(sample.read_bytes()).json["success"]
        deadline = time.monotonic() + 10
        while server.request("GET", "/v1/stats").json["totalEvents"] < 128 and time.monotonic() < deadline:
            time.sleep(0.05)
        before = server.request("GET", "/v1/stats").json
        server.kill()
    with serving(data_dir) as server:
        after = server.request("GET", "/v1/stats").json
        assert server.stop() == 0

    assert before["totalEvents"] == 128
    assert {name: value for name, value in before.items() if name not in {"asOf", "generatedAt"}} == {
        name: value for name, value in after.items() if name not in {"asOf", "generatedAt"}
    }
    assert len(oracle.check(data_dir)) == 128


def test_every_answered_event_is_in_the_log_after_a_polite_stop_under_load(data_dir: Path) -> None:
    ledger = Ledger()
    with serving(data_dir) as server, load(server, ledger, seed=9):
        eventually(lambda: len(ledger.acknowledged) > 20)
        assert server.stop() == 0

    ledger.check(data_dir)
