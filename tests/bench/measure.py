"""Measuring one case: a fresh server, a warm-up, a run, and a look at what is in the log and what it cost."""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tests.bench import corpus
from tests.bench.load import LoadError, drive
from tests.bench.log_reader import count_events, last_ids
from tests.bench.metrics_reader import totals
from tests.bench.open_loop import Latencies
from tests.bench.results import Load, Paced, Trickle
from tests.bench.server import Server, serving

EVENTS_PATH = "/v1/events"
STATS_PER_S = 20
# More than any server of this kind answers on one core: a corpus must not end before its run.
REQUESTS_PER_S_MAX = 40_000
EVENTS_PER_S_MAX = 240_000
_GRACE_S = 60


@dataclass(frozen=True, slots=True)
class Case:
    """A server under a load of one shape; ``flushes`` says that its aggregates follow within seconds."""

    subject: str
    command: Sequence[str]
    batch: int
    connections: int
    flushes: bool = True

    def __str__(self) -> str:
        return f"{self.subject}, batch {self.batch}, {self.connections} connections"


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a server is warmed up and measured."""

    warm_up_s: int
    run_s: int

    def corpus_events(self, batch: int) -> int:
        """Return how many events a corpus needs so that it lasts."""
        return min(EVENTS_PER_S_MAX, REQUESTS_PER_S_MAX * batch) * (self.warm_up_s + self.run_s)


def measure_load(case: Case, batches: Path, data_dir: Path, timing: Timing) -> Load:
    """Measure one case once."""
    with serving(case.command, data_dir) as server:
        url = server.url + EVENTS_PATH
        warm = drive(url, batches, offset=0, connections=case.connections, seconds=timing.warm_up_s)
        _settle(server, case)
        since, before, said_before = last_ids(data_dir), server.usage(), totals(data_dir)
        answered = drive(url, batches, offset=warm.position, connections=case.connections, seconds=timing.run_s)
        tail_s = _settle(server, case)
        after, said = server.usage(), totals(data_dir).since(said_before)
    acknowledged = answered.requests * case.batch
    # The ceiling of HTTP stores nothing: there, what was answered has to do.
    found = count_events(data_dir, since) if since else acknowledged
    seconds = answered.seconds + tail_s
    events = max(found, 1)
    return Load(
        subject=case.subject,
        batch=case.batch,
        connections=case.connections,
        events_per_s=found / seconds,
        requests_per_s=found / case.batch / seconds,
        cpu_us_per_event=(after.cpu_s - before.cpu_s) / events * 1e6,
        bytes_per_event=(after.written_bytes - before.written_bytes) / events,
        p50_ms=answered.p50_ms,
        p99_ms=answered.p99_ms,
        p999_ms=answered.p999_ms,
        rss_peak_mb=after.rss_peak_bytes / 1e6,
        events_per_group=said.events_per_group,
        flush_time_share=said.flush_s / seconds,
        failed=answered.failed,
        missing=max(0, acknowledged - found),
    )


def measure_paced(
    command: Sequence[str], batches: Path, data_dir: Path, *, batch: int, rate: float, run_s: int
) -> Paced:
    """Measure latencies of batches sent at a rate per second, and of statistics read meanwhile."""
    with serving(command, data_dir) as server:
        return pace(server.port, batches, batch=batch, rate=rate, run_s=run_s)


def measure_trickle(command: Sequence[str], batches: Path, data_dir: Path, *, rate: float, run_s: int) -> Trickle:
    """Measure what a server writes for requests sent at a rate per second, and how long it publishes after flushes."""
    requests = int(rate * run_s)
    with serving(command, data_dir) as server:
        server.wait_until_flushed()
        before, said_before = server.usage(), totals(data_dir)
        latencies(start_open_loop(server.port, batches, rate, requests), run_s)
        server.wait_until_flushed()
        after, said = server.usage(), totals(data_dir).since(said_before)
    written = after.written_bytes - before.written_bytes
    return Trickle(requests, written / requests, said.publish_s / max(said.publications, 1) * 1e3)


def pace(port: int, batches: Path, *, batch: int, rate: float, run_s: int) -> Paced:
    """Measure the same on a server that runs."""
    stats = batches.with_suffix(".stats")
    corpus.write(stats, [corpus.STATS_REQUEST] * (STATS_PER_S * run_s))
    reading = start_open_loop(port, stats, STATS_PER_S, STATS_PER_S * run_s)
    ingesting = start_open_loop(port, batches, rate, int(rate * run_s))
    return Paced(batch, latencies(ingesting, run_s), latencies(reading, run_s))


def _settle(server: Server, case: Case) -> float:
    """Wait for the end of everything a load caused; return for how long the log still grew after it."""
    ended_at = time.monotonic()
    grown_at = server.wait_until_still()
    if case.flushes:
        server.wait_until_flushed()
    return max(0.0, grown_at - ended_at)


def start_open_loop(port: int, path: Path, rate: float, requests: int) -> subprocess.Popen[bytes]:
    """Start to send requests of a corpus at a rate per second; the first line of output says when that has begun."""
    command = [sys.executable, "-m", "tests.bench.open_loop", "--port", str(port), "--corpus", str(path)]
    return subprocess.Popen(
        [*command, "--rate", str(rate), "--requests", str(requests)], stdout=subprocess.PIPE, bufsize=0
    )


def latencies(process: subprocess.Popen[bytes], run_s: int) -> Latencies:
    """Return what was seen by requests that are sent for so long."""
    try:
        output, _ = process.communicate(timeout=run_s + _GRACE_S)
    finally:
        process.kill()
    if process.returncode:
        raise LoadError(f"the open-loop generator ended with {process.returncode}")
    return msgspec.json.decode(output.splitlines()[-1], type=Latencies)
