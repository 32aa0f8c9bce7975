"""Readers beside ingest: the same saturated service with and without them, taking turns of a few seconds.

One process serves all turns, from a directory with sixty published days. Each turn with readers is compared with the
mean of its neighbours without, so that slow drifts of the machine cancel out. The generators of both loads share the
cores with the service, so the ratio includes what asking costs: with cores of its own it reaches at least as much.
What an answer costs the service alone is measured apart, and does not depend on the load.
"""

import statistics
import subprocess
import time
from pathlib import Path

from tests.bench import corpus
from tests.bench.load import Answered, LoadError, drive
from tests.bench.log_reader import count_events, last_ids
from tests.bench.measure import EVENTS_PATH, latencies, start_open_loop
from tests.bench.metrics_reader import totals
from tests.bench.open_loop import Latencies
from tests.bench.plan import PACED_BATCH, PACED_CONNECTIONS, Bench
from tests.bench.reading import Reads, api_reads, first_page, page_views
from tests.bench.results import Beside, BesideIngest, Results
from tests.bench.server import SERVICE, TELEMETRY, Server, ServerError, serving

READS_PER_S = 200
# So many that what the service does by itself does not show.
_ALONE_PER_S = 1_000
_DAYS = 60
_ENVIRONMENT = ("--environment", "demo")
_SIMULATE_TIMEOUT_S = 600
# More than one turn takes, and by its end its first events are no longer remembered: then it begins again.
_CORPUS_EVENTS = 2_500_000
# Batches while the making of the statistics is timed: each flush has something to publish, and the cores are free.
_LIVE_PER_S = 20
# Until the generator of the reads has started and connected.
_LEAD_S = 1


def run(bench: Bench, results: Results, turns: int) -> None:
    """Measure ingest with each kind of reader as often as there are turns."""
    data_dir = bench.scratch / "published"
    bench.tell(f"simulating {_DAYS} days to publish")
    _simulate(data_dir)
    batches = bench.corpus(PACED_BATCH, seed=6, events=_CORPUS_EVENTS)
    with serving((*SERVICE, *_ENVIRONMENT), data_dir) as server:
        page = first_page(server.port)
        kinds = (api_reads(server.port), page_views(server.port))
        costs = {kind.name: _cost_us(bench, server, kind) for kind in kinds}
        publish_ms = _publish_ms(bench, server)
        since = last_ids(data_dir)
        ingest = _Ingest(bench, server, batches)
        found = _take_turns(bench, ingest, kinds, turns)
        server.wait_until_still()
        server.wait_until_flushed()
        missing = max(0, ingest.acknowledged - count_events(data_dir, since))
    results.beside_ingest = BesideIngest(
        [
            Beside(name, READS_PER_S, *compared(pairs), costs[name], pairs[-1][2])
            for name, pairs in found.items()
        ],
        page, publish_ms, missing,
    )  # fmt: skip


class _Ingest:
    """Saturates a server for one turn after the other; ``acknowledged`` are the events of all."""

    def __init__(self, bench: Bench, server: Server, batches: Path) -> None:
        self._bench, self._server, self._batches = bench, server, batches
        self._position = self._longest = 0
        self.acknowledged = 0
        self._drive(bench.timing.warm_up_s)

    def alone(self) -> float:
        """Return events/s without readers."""
        return self._drive(self._bench.timing.run_s)

    def beside(self, reads: Reads) -> tuple[float, Latencies]:
        """Return events/s with readers, and what these see."""
        run_s = self._bench.timing.run_s
        reading = _start(self._bench, self._server, reads, READS_PER_S, run_s + _LEAD_S)
        time.sleep(_LEAD_S)
        events_per_s = self._drive(run_s)
        return events_per_s, latencies(reading, run_s)

    def _drive(self, seconds: int) -> float:
        if self._position + 2 * self._longest > self._batches.stat().st_size:
            self._position = 0
        answered: Answered = drive(
            self._server.url + EVENTS_PATH, self._batches,
            offset=self._position, connections=PACED_CONNECTIONS, seconds=seconds,
        )  # fmt: skip
        if answered.failed:
            raise LoadError(f"{answered.failed} requests were not answered with success")
        self._longest = max(self._longest, answered.position - self._position)
        self._position = answered.position
        self.acknowledged += answered.requests * PACED_BATCH
        return answered.requests * PACED_BATCH / answered.seconds


Pair = tuple[float, float, Latencies]


def _take_turns(bench: Bench, ingest: _Ingest, kinds: tuple[Reads, ...], turns: int) -> dict[str, list[Pair]]:
    """Return for each kind events/s without readers and with them, and what these saw, once a turn."""
    found: dict[str, list[Pair]] = {kind.name: [] for kind in kinds}
    before = ingest.alone()
    for _ in range(turns):
        for kind in kinds:
            beside, seen = ingest.beside(kind)
            after = ingest.alone()
            found[kind.name].append(((before + after) / 2, beside, seen))
            bench.tell(f"with {kind.name} {beside:,.0f} events/s, without {before:,.0f} and {after:,.0f}")
            before = after
    return found


def compared(pairs: list[Pair]) -> tuple[float, float, float]:
    """Return the medians of events/s without and with readers, and of their ratio in each turn."""
    without, beside, _ = zip(*pairs, strict=True)
    ratios = [one / other for one, other in zip(beside, without, strict=True)]
    return statistics.median(without), statistics.median(beside), statistics.median(ratios)


def _cost_us(bench: Bench, server: Server, reads: Reads) -> float:
    """Return the CPU that an answer costs the server while nothing else is asked."""
    run_s = bench.timing.run_s
    before = server.usage()
    seen = latencies(_start(bench, server, reads, _ALONE_PER_S, run_s), run_s)
    if seen.failed:
        raise ServerError(f"{seen.failed} of the {reads.name} were not answered with success")
    return (server.usage().cpu_s - before.cpu_s) / seen.requests * 1e6


def _publish_ms(bench: Bench, server: Server) -> float:
    """Return how long it takes to make the live statistics after each flush of a light load."""
    run_s = bench.timing.run_s
    batches = bench.corpus(PACED_BATCH, seed=5, events=_LIVE_PER_S * run_s * PACED_BATCH)
    before = totals(server.data_dir)
    latencies(start_open_loop(server.port, batches, _LIVE_PER_S, _LIVE_PER_S * run_s), run_s)
    server.wait_until_flushed()
    said = totals(server.data_dir).since(before)
    return said.publish_s / max(said.publications, 1) * 1e3


def _start(bench: Bench, server: Server, reads: Reads, rate: int, seconds: int) -> subprocess.Popen[bytes]:
    path = bench.scratch / reads.name.replace(" ", "-")
    corpus.write(path, reads.requests(rate * seconds))
    return start_open_loop(server.port, path, rate, rate * seconds)


def _simulate(data_dir: Path) -> None:
    command = [TELEMETRY, "simulate", *_ENVIRONMENT, "--days", str(_DAYS), "--data-dir", str(data_dir)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=_SIMULATE_TIMEOUT_S, check=False)
    if ended.returncode:
        raise ServerError(f"simulating ended with {ended.returncode}: {ended.stderr.strip()}")
