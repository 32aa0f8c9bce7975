"""Readers beside ingest: the same saturated service with and without them, taking many turns of two seconds.

One process serves all turns, from a directory with sixty published days. Each turn with readers is compared with the
mean of its neighbours without: the speed of a shared machine changes within seconds. All turns begin after the same
pause, which readers need to connect, so that none finds the service busier than another. The generators of both loads
share the cores with the service, so the ratio includes what asking costs: with cores of its own it reaches at least as
much. Where other programs take the cores, the speeds of neighbours differ more than readers make them differ; events by
the service's own CPU time differ less. What an answer costs the service alone is measured apart.
"""

import statistics
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from tests.bench import corpus
from tests.bench.load import Answered, LoadError, drive
from tests.bench.log_reader import count_events, last_ids
from tests.bench.measure import EVENTS_PATH, latencies, start_open_loop
from tests.bench.metrics_reader import totals
from tests.bench.open_loop import Latencies
from tests.bench.plan import PACED_BATCH, PACED_CONNECTIONS, Bench
from tests.bench.reading import Reads, api_reads, first_page, page_views
from tests.bench.results import Beside, BesideIngest, Quartiles, Results, median
from tests.bench.server import SERVICE, TELEMETRY, Server, ServerError, serving

READS_PER_S = 200
# So many that what the service does by itself does not show.
_ALONE_PER_S = 1_000
_DAYS = 60
_ENVIRONMENT = ("--environment", "demo")
_SIMULATE_TIMEOUT_S = 600
# Batches while the making of the statistics is timed: each flush has something to publish, and the cores are free.
_LIVE_PER_S = 20
_TURN_S = 2
# How long the generator of the reads takes to start and connect, until that is measured.
_LEAD_S = 1.0
# Readers go on for a little longer than a turn, so that all of it has some.
_TAIL_S = 0.25
_ALONE_S = 4


def run(bench: Bench, results: Results, turns: int) -> None:
    """Measure ingest with each kind of reader as often as there are turns."""
    data_dir = bench.scratch / "published"
    bench.tell(f"simulating {_DAYS} days to publish")
    _simulate(data_dir)
    # It begins again with its last two turns unused.
    batches = bench.corpus(PACED_BATCH, seed=6, events=corpus.FORGOTTEN_AFTER_EVENTS)
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
        missing = ingest.acknowledged - count_events(data_dir, since)
    if missing > 0:
        raise ServerError(f"{missing} acknowledged events are not in the log: they were lost, or sent before")
    results.beside_ingest = BesideIngest(
        [
            Beside(name, READS_PER_S, *compared(turns), costs[name], median([turn.seen for turn in turns]))
            for name, turns in found.items()
        ],
        page, publish_ms,
    )  # fmt: skip


class Turn(NamedTuple):
    """How fast ingest was for two seconds: by the clock, and by the CPU time of the service."""

    events_per_s: float
    events_per_cpu_s: float


class _Ingest:
    """Saturates a server for one turn after the other; ``acknowledged`` are the events of all turns."""

    def __init__(self, bench: Bench, server: Server, batches: Path) -> None:
        self._bench, self._server, self._batches = bench, server, batches
        self._position = self._longest = 0
        self.acknowledged = 0
        self._lead_s = _LEAD_S
        self._drive(bench.timing.warm_up_s)

    def alone(self) -> Turn:
        """Return how ingest does without readers."""
        time.sleep(self._lead_s)
        return self._drive(_TURN_S)

    def beside(self, reads: Reads) -> tuple[Turn, Latencies]:
        """Return how ingest does with readers, and what these see."""
        started_at = time.monotonic()
        reading = _start(self._bench, self._server, reads, READS_PER_S, _TURN_S + _TAIL_S)
        assert reading.stdout is not None
        reading.stdout.readline()
        self._lead_s = time.monotonic() - started_at
        turn = self._drive(_TURN_S)
        return turn, latencies(reading, _TURN_S)

    def _drive(self, seconds: int) -> Turn:
        if self._position + 2 * self._longest > self._batches.stat().st_size:
            self._position = 0
        cpu_s = self._server.usage().cpu_s
        answered: Answered = drive(
            self._server.url + EVENTS_PATH, self._batches,
            offset=self._position, connections=PACED_CONNECTIONS, seconds=seconds,
        )  # fmt: skip
        if answered.failed:
            raise LoadError(f"{answered.failed} requests were not answered with success")
        self._longest = max(self._longest, answered.position - self._position)
        self._position = answered.position
        events = answered.requests * PACED_BATCH
        self.acknowledged += events
        return Turn(events / answered.seconds, events / (self._server.usage().cpu_s - cpu_s))


class Neighbours(NamedTuple):
    """A turn with readers, the mean of those before and after it, and what the readers saw."""

    without: Turn
    beside: Turn
    seen: Latencies


def _take_turns(bench: Bench, ingest: _Ingest, kinds: tuple[Reads, ...], turns: int) -> dict[str, list[Neighbours]]:
    """Return for each kind of readers all of its turns."""
    found: dict[str, list[Neighbours]] = {kind.name: [] for kind in kinds}
    before = ingest.alone()
    for _ in range(turns):
        for kind in kinds:
            beside, seen = ingest.beside(kind)
            after = ingest.alone()
            without = Turn(*map(statistics.mean, zip(before, after, strict=True)))
            found[kind.name].append(Neighbours(without, beside, seen))
            speeds = [f"{turn.events_per_s:,.0f}" for turn in (beside, before, after)]
            bench.tell(f"with {kind.name} {speeds[0]} events/s, without {speeds[1]} and {speeds[2]}")
            before = after
    return found


def compared(turns: list[Neighbours]) -> tuple[float, float, Quartiles, Quartiles]:
    """Return the medians of events/s without and with readers, and the ratios by the clock and by CPU time."""
    speeds = [(turn.without.events_per_s, turn.beside.events_per_s) for turn in turns]
    efforts = [(turn.without.events_per_cpu_s, turn.beside.events_per_cpu_s) for turn in turns]
    without, beside = map(statistics.median, zip(*speeds, strict=True))
    return without, beside, _ratios(speeds), _ratios(efforts)


def _ratios(pairs: list[tuple[float, float]]) -> Quartiles:
    ratios = [beside / without for without, beside in pairs]
    return Quartiles(*statistics.quantiles(ratios, n=4, method="inclusive"))


def _cost_us(bench: Bench, server: Server, reads: Reads) -> float:
    """Return the CPU that an answer costs the server while nothing else is asked."""
    before = server.usage()
    seen = latencies(_start(bench, server, reads, _ALONE_PER_S, _ALONE_S), _ALONE_S)
    if seen.failed:
        raise ServerError(f"{seen.failed} of the {reads.name} were not answered with success")
    return (server.usage().cpu_s - before.cpu_s) / seen.requests * 1e6


def _publish_ms(bench: Bench, server: Server) -> float:
    """Return how long it takes to make the live statistics after each flush of a light load."""
    batches = bench.corpus(PACED_BATCH, seed=5, events=_LIVE_PER_S * _ALONE_S * PACED_BATCH)
    before = totals(server.data_dir)
    latencies(start_open_loop(server.port, batches, _LIVE_PER_S, _LIVE_PER_S * _ALONE_S), _ALONE_S)
    server.wait_until_flushed()
    said = totals(server.data_dir).since(before)
    return said.publish_s / max(said.publications, 1) * 1e3


def _start(bench: Bench, server: Server, reads: Reads, rate: int, seconds: float) -> subprocess.Popen[bytes]:
    path, requests = bench.scratch / reads.name.replace(" ", "-"), int(rate * seconds)
    corpus.write(path, reads.requests(requests))
    return start_open_loop(server.port, path, rate, requests)


def _simulate(data_dir: Path) -> None:
    command = [TELEMETRY, "simulate", *_ENVIRONMENT, "--days", str(_DAYS), "--data-dir", str(data_dir)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=_SIMULATE_TIMEOUT_S, check=False)
    if ended.returncode:
        raise ServerError(f"simulating ended with {ended.returncode}: {ended.stderr.strip()}")
