"""Cases 8 and 25 of the fault list: a disk that is slow, and more traffic than memory."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from telemetry.settings import Settings
from tests.running.test_storage_faults import segment_of
from tests.support.admin import scrape
from tests.support.events import Fields, Traffic, encode, make_event, timestamp
from tests.support.faults import faulty, held_lock
from tests.support.flood import BATCH_EVENTS, NARROW_QUEUE, QUEUE_EVENTS_MAX, Flood, code
from tests.support.http import Connection, eventually, post_head
from tests.support.load import STARTED, Ledger
from tests.support.server import serving

# What the limits of the settings are made for: a host with 512 MB that has other things to do as well.
MEMORY_BYTES = 260 * 2**20


@pytest.mark.case(8)
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs the Debian package strace")
@pytest.mark.parametrize("sync_s", [0.25, pytest.param(2.0, marks=pytest.mark.torture)])
def test_a_slow_sync_means_late_or_busy_answers_and_a_queue_within_its_bound(data_dir: Path, sync_s: float) -> None:
    ledger = Ledger()
    with serving(data_dir) as server:
        ledger.unanswered.append(encode(Traffic().batch(1)))
        ledger.resend(server)
        server.stop()
    slow = faulty(f"fdatasync:delay_enter={sync_s * 1e6:.0f}")
    with serving(data_dir, *NARROW_QUEUE, "--flush-interval-s", "3600", prefix=slow) as server:
        flood = Flood(server, ledger)
        lengths = flood.pour(until=lambda: flood.taken >= QUEUE_EVENTS_MAX // BATCH_EVENTS + 2)
        events = scrape(data_dir).events()
        # Stopping would flush and checkpoint, a slow sync for each step.
        server.kill()

    assert set(flood.codes) == {"", "503 busy"}
    assert flood.latest_s > sync_s
    assert max(lengths) == QUEUE_EVENTS_MAX
    assert events["shed"] == BATCH_EVENTS * flood.codes.count("503 busy")
    with serving(data_dir) as server:
        assert server.stop() == 0
    assert len(ledger.check(data_dir)) == 1 + events["accepted"]


def largest_batch(number: int) -> list[Fields]:
    """Return a batch of the events that take the most memory for their length: lists and objects of short texts."""
    labels = [f"label{label}" for label in range(60)]
    largest = {
        "languages": labels,
        "frameworks": labels,
        "patternsByCategory": {f"category{label}": 1 for label in range(100)},
    }
    return [
        make_event("aggregate_stats", timestamp=timestamp(STARTED, milliseconds=-place), **largest)
        for place in range(number * 100, number * 100 + 100)
    ]


@pytest.mark.case(25)
def test_a_flood_is_refused_before_memory_ends_and_loses_and_doubles_nothing(data_dir: Path) -> None:
    ledger, first, *bodies = Ledger(), *(encode(largest_batch(number)) for number in range(101))
    assert len(bodies) * len(bodies[0]) > 1.5 * Settings().queue_bytes_max
    ledger.unanswered.append(first)
    with serving(data_dir, prefix=("prlimit", f"--data={MEMORY_BYTES}")) as server, ExitStack() as stack:
        ledger.resend(server)
        for _ in range(40):
            stalled = stack.enter_context(Connection(server))
            stalled.send(post_head(1_000_000) + b" " * 900_000)
        with ThreadPoolExecutor(len(bodies)) as pool:
            with held_lock(segment_of(server)):
                answers = [pool.submit(server.post, body) for body in bodies]
                eventually(lambda: sum(answer.done() for answer in answers) > len(bodies) // 8)
                queued = scrape(data_dir).value("queue_bytes")
            codes = [code(answer.result()) for answer in answers]
        for body, refused in zip(bodies, codes, strict=True):
            if refused:
                ledger.unanswered.append(body)
            else:
                ledger.enter(json.loads(body)["events"])
        stack.close()
        ledger.resend(server)
        assert server.stop() == 0

    assert set(codes) == {"", "503 busy"}
    assert Settings().queue_bytes_max / 2 < queued <= Settings().queue_bytes_max
    assert not [line for line in server.output if "Error" in line or "failed" in line]
    assert len(ledger.check(data_dir)) == len(ledger.acknowledged) == 101 * 100
