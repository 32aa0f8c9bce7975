"""Cases 8 and 25 of the fault list: a disk that is slow, and more traffic than memory."""

import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from telemetry.settings import Settings
from tests.support.admin import scrape
from tests.support.events import Traffic, encode, make_event
from tests.support.faults import held_lock
from tests.support.http import Connection, eventually, post_head
from tests.support.load import SECONDS_OF_A_CLIENT, STARTED, Ledger
from tests.support.server import Answer, ServerProcess, serving
from tests.test_storage_faults import segment_of

CLIENTS = 12
QUEUE_EVENTS_MAX = 60
# What the limits of the settings are made for: a host with 512 MB that has other things to do as well.
MEMORY_BYTES = 260 * 2**20


def code(answer: Answer) -> str:
    """Return the code of a refusal, or nothing for a 200."""
    return "" if answer.status == 200 else f"{answer.status} {answer.json['code']}"


class Flood:
    """Clients that post batches of ten until told to stop: how they were answered, and how late the latest 200 came."""

    def __init__(self, server: ServerProcess, ledger: Ledger) -> None:
        self.codes: list[str] = []
        self.latest_s = 0.0
        self._server = server
        self._ledger = ledger
        self._stop = threading.Event()

    def pour(self, batches: int) -> list[float]:
        """Flood until so many batches are taken; return the lengths of the queue that were seen meanwhile."""
        lengths = []
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(self._client, number) for number in range(CLIENTS)]
            while self.codes.count("") < batches and not any(client.done() for client in clients):
                lengths.append(scrape(self._server.data_dir).value("queue_events"))
                time.sleep(0.02)
            self._stop.set()
            for client in clients:
                client.result()
        return lengths

    def _client(self, number: int) -> None:
        own_seconds = timedelta(seconds=(number + 1) * SECONDS_OF_A_CLIENT)
        traffic = Traffic(seed=number, moment=STARTED - own_seconds)
        while not self._stop.is_set():
            batch = traffic.batch(10)
            started = time.monotonic()
            answer = self._server.post(encode(batch))
            if answer.status == 200:
                self.latest_s = max(self.latest_s, time.monotonic() - started)
                self._ledger.enter(batch)
            else:
                time.sleep(0.05)
            self.codes.append(code(answer))


@pytest.mark.case(8)
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs the Debian package strace")
@pytest.mark.parametrize("sync_s", [0.25, pytest.param(2.0, marks=pytest.mark.torture)])
def test_a_slow_sync_means_late_or_busy_answers_and_a_queue_within_its_bound(data_dir: Path, sync_s: float) -> None:
    ledger = Ledger()
    with serving(data_dir) as server:
        ledger.unanswered.append(encode(Traffic().batch(1)))
        ledger.resend(server)
        server.stop()
    slow = ("strace", "-D", "-f", "-qq", "-o", os.devnull, "-e", f"inject=fdatasync:delay_enter={sync_s * 1e6:.0f}")
    flags = ("--queue-events-max", str(QUEUE_EVENTS_MAX), "--batch-events-max", "10", "--flush-interval-s", "3600")
    with serving(data_dir, *flags, prefix=slow) as server:
        flood = Flood(server, ledger)
        lengths = flood.pour(batches=QUEUE_EVENTS_MAX // 10 + 2)
        events = scrape(data_dir).events()
        # Stopping would flush and checkpoint, a slow sync for each step.
        server.kill()

    assert set(flood.codes) == {"", "503 busy"}
    assert flood.latest_s > sync_s
    assert max(lengths) == QUEUE_EVENTS_MAX
    assert events["shed"] == 10 * flood.codes.count("503 busy")
    with serving(data_dir) as server:
        assert server.stop() == 0
    assert len(ledger.check(data_dir)) == 1 + events["accepted"]


def largest_batch(number: int) -> bytes:
    """Return a batch of the events that take the most memory for their length: lists and objects of short texts."""
    labels = [f"label{label}" for label in range(60)]
    event = {
        "languages": labels,
        "frameworks": labels,
        "patternsByCategory": {f"category{label}": 1 for label in range(100)},
    }
    return encode([make_event("aggregate_stats", totalPatterns=number * 100 + place, **event) for place in range(100)])


@pytest.mark.case(25)
def test_a_flood_is_refused_before_memory_ends(data_dir: Path) -> None:
    bodies = [largest_batch(number) for number in range(100)]
    assert len(bodies) * len(bodies[0]) > 2 * Settings().queue_bytes_max
    with serving(data_dir, prefix=("prlimit", f"--data={MEMORY_BYTES}")) as server, ExitStack() as stack:
        assert server.post(largest_batch(len(bodies))).status == 200
        for _ in range(40):
            stalled = stack.enter_context(Connection(server))
            stalled.send(post_head(1_000_000) + b" " * 900_000)
        with ThreadPoolExecutor(len(bodies)) as pool:
            with held_lock(segment_of(server)):
                answers = [pool.submit(server.post, body) for body in bodies]
                eventually(lambda: sum(answer.done() for answer in answers) > len(bodies) // 4, within_s=20)
                queued = scrape(data_dir).value("queue_bytes")
            codes = {code(answer.result()) for answer in answers}
        stack.close()
        assert server.post(encode(Traffic().batch(10))).status == 200
        assert server.stop() == 0

    assert "503 busy" in codes <= {"", "503 busy"}
    assert Settings().queue_bytes_max / 2 < queued <= Settings().queue_bytes_max
    assert not any("Error" in line or "failed" in line for line in server.output)
