"""The plans: which cases a mode measures, in rounds, so that slow drifts of a shared machine touch all alike."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.bench import corpus, targets
from tests.bench.baselines import Inserted, insert_loop
from tests.bench.events import POPULATION, Population
from tests.bench.measure import Case, Timing, measure_load, measure_paced
from tests.bench.peer import find_peer
from tests.bench.results import Load, Results, median
from tests.bench.server import CEILING, OBVIOUS, SERVICE

PACED_BATCH, PACED_CONNECTIONS = 50, 32

_NORMAL = (*SERVICE, "--synchronous", "NORMAL")
_NO_FLUSH = (*SERVICE, "--flush-interval-s", "3600", "--flush-keys-max", "9999999", "--counter-keys-max", "9999999")


class InsertLoop(NamedTuple):
    """An insert loop to measure; the slow ones not in every run."""

    indexed: bool
    in_a_row: int
    runs_max: int = 3


@dataclass(frozen=True)
class Plan:
    """What to measure, and how often; ``reader_turns`` are the turns of each kind of readers beside ingest."""

    name: str
    runs: int
    timing: Timing
    cases: list[Case]
    inserts: list[InsertLoop]
    insert_rows: int
    reader_turns: int


def _cases(shapes: list[tuple[int, int]]) -> list[Case]:
    return [
        *(Case(targets.SERVICE, SERVICE, *shape) for shape in shapes),
        Case(targets.NORMAL, _NORMAL, 50, 32),
        Case(targets.NO_FLUSH, _NO_FLUSH, 50, 32, flushes=False),
        Case(targets.CEILING, CEILING, 1, 128),
        Case(targets.OBVIOUS, OBVIOUS, 50, 32),
        Case(targets.OBVIOUS, OBVIOUS, 1, 128),
    ]


QUICK = Plan(
    "quick",
    1,
    Timing(1, 3),
    # Without those that differ by a few percent, which one run of three seconds does not tell.
    [
        case
        for case in _cases([(1, 128), (50, 32), (100, 32)])
        if case.subject not in (targets.NORMAL, targets.NO_FLUSH)
    ],
    [InsertLoop(indexed=True, in_a_row=in_a_row) for in_a_row in (1, 50, 100)],
    200_000,
    4,
)
FULL = Plan(
    "full",
    3,
    Timing(2, 10),
    _cases([(1, 128), (50, 32), (100, 32), (100, 128)]),
    [
        # It takes two minutes, and differs less than the others from run to run.
        InsertLoop(indexed=True, in_a_row=1, runs_max=1),
        InsertLoop(indexed=True, in_a_row=50),
        InsertLoop(indexed=True, in_a_row=100),
        InsertLoop(indexed=False, in_a_row=50, runs_max=1),
    ],
    2_000_000,
    15,
)


@dataclass
class Bench:
    """Runs measurements in a scratch folder, tells what it does, and makes each corpus once."""

    scratch: Path
    timing: Timing
    tell: Callable[[str], None]

    def corpus(self, batch: int, seed: int = 1, events: int | None = None, population: Population = POPULATION) -> Path:
        """Return a corpus of batches of one size, enough for a closed-loop load unless ``events`` says how many."""
        path = self.scratch / f"batches-{batch}-{seed}"
        if not path.exists():
            events = events or self.timing.corpus_events(batch)
            self.tell(f"making {events:,} events in batches of {batch}")
            corpus.write_batches(path, seed=seed, batch=batch, events=events, population=population)
        return path

    def load(self, case: Case) -> Load:
        """Measure a case on a fresh data directory."""
        batches = self.corpus(case.batch)
        with self._folder() as folder:
            load = measure_load(case, batches, folder / "data", self.timing)
        self.tell(
            f"{case}: {load.events_per_s:,.0f} events/s, {load.cpu_us_per_event:.1f} us and "
            f"{load.bytes_per_event:,.0f} bytes an event, p99 {load.p99_ms:.1f} ms"
        )
        return load

    def insert(self, indexed: bool, in_a_row: int, rows: int) -> Inserted:
        """Fill a table."""
        with self._folder() as folder:
            loop = insert_loop(folder / "table.db", indexed=indexed, in_a_row=in_a_row, rows=rows)
        kind = "four indexes" if indexed else "no secondary index"
        self.tell(f"insert loop, {kind}, {in_a_row} in a row: {loop.events_per_s:,.0f} events/s")
        return loop

    def paced(self, results: Results, run: int) -> None:
        """Measure latencies at half of the load that was measured before."""
        load = results.load(targets.SERVICE, PACED_BATCH, PACED_CONNECTIONS)
        assert load is not None
        with self._folder() as folder:
            paced = measure_paced(
                SERVICE, self.corpus(PACED_BATCH), folder / "data",
                batch=PACED_BATCH, rate=load.requests_per_s / 2, run_s=self.timing.run_s,
            )  # fmt: skip
        self.tell(
            f"open loop at half, run {run}: p99 {paced.ingest.p99_ms:.1f} ms, statistics {paced.stats.p99_ms:.1f}"
        )
        results.paced.append(paced)

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        with TemporaryDirectory(dir=self.scratch) as folder:
            yield Path(folder)


def _peer_cases(results: Results) -> list[Case]:
    """Return how the peer is measured; where there is none, note why."""
    peer = find_peer()
    if isinstance(peer, str):
        results.notes.append(peer)
        return []
    results.machine.update(peer.versions)
    return [Case(targets.PEER, peer.command, *shape) for shape in ((50, 32), (1, 128))]


def run(plan: Plan, bench: Bench, results: Results) -> None:
    """Carry out a plan and put what it found into ``results``."""
    cases = plan.cases + _peer_cases(results)
    loads: list[list[Load]] = [[] for _ in cases]
    inserts: list[list[Inserted]] = [[] for _ in plan.inserts]
    for number in range(1, plan.runs + 1):
        bench.tell(f"run {number} of {plan.runs}")
        for found, loop in zip(inserts, plan.inserts, strict=True):
            if number <= loop.runs_max:
                found.append(bench.insert(loop.indexed, loop.in_a_row, plan.insert_rows))
        for measured, case in zip(loads, cases, strict=True):
            measured.append(bench.load(case))
    results.inserts, results.loads = list(map(median, inserts)), list(map(median, loads))
    for number in range(1, plan.runs + 1):
        bench.paced(results, number)
    results.paced = [median(results.paced)]
