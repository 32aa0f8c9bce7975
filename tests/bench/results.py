"""What a benchmark found, in the form in which it is written as JSON."""

import statistics
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from tests.bench.baselines import Inserted
from tests.bench.open_loop import Latencies
from tests.bench.reading import FirstPage


class Load(msgspec.Struct, frozen=True):
    """One subject under closed-loop load.

    Events are those found in the log afterwards, CPU and bytes include the flushes of them all. ``missing`` events were
    acknowledged but not found; ``failed`` requests got no answer or another one than success. Groups and flushes are
    those that the service tells of.
    """

    subject: str
    batch: int
    connections: int
    events_per_s: float
    requests_per_s: float
    cpu_us_per_event: float
    bytes_per_event: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    rss_peak_mb: float
    events_per_group: float
    flush_time_share: float
    failed: int
    missing: int


class Paced(msgspec.Struct, frozen=True):
    """Latencies at half of the maximum load: of batches, and of statistics read meanwhile."""

    batch: int
    ingest: Latencies
    stats: Latencies


class Growth(msgspec.Struct, frozen=True):
    """How the service does when its segment already holds ``rows`` rows."""

    rows: int
    load: Load
    paced: Paced


class Trickle(msgspec.Struct, frozen=True):
    """Requests with one event each, a few every second; ``publish_ms`` is how long each publication took."""

    requests: int
    bytes_per_request: float
    publish_ms: float


class Known(msgspec.Struct, frozen=True):
    """How the service does when so many installations and signatures are known; ``nobody`` is where none are."""

    installations: int
    signatures: int
    nobody: Load
    load: Load
    trickle: Trickle


class Sealing(msgspec.Struct, frozen=True):
    """Sealing a segment while batches come in as they did before; it writes ``added_bytes``."""

    rows: int
    seconds: float
    added_bytes: int
    before: Paced
    meanwhile: Paced


class ClosedWindow(msgspec.Struct, frozen=True):
    """A window that a process of its own closed: its days that have events, and what it used.

    ``published_bytes`` is what the file of public numbers grew by.
    """

    period: str
    days: int
    events: int
    seconds: float
    cpu_s: float
    rss_peak_mb: float
    written_mb: float
    published_bytes: int


class ClosingBesideLoad(msgspec.Struct, frozen=True):
    """Windows that a service closed in ``seconds`` while batches came in for ``paced_s``, as they did before."""

    windows: int
    seconds: float
    paced_s: int
    before: Paced
    meanwhile: Paced


class Replay(msgspec.Struct, frozen=True):
    """A start that has to count ``events`` first, and the same start without them."""

    events: int
    start_s: float
    start_without_s: float

    @property
    def events_per_s(self) -> float:
        """Return how fast events were replayed."""
        return self.events / max(self.start_s - self.start_without_s, 0.001)


GROWTH_MAX = 0.05


class Life(msgspec.Struct, frozen=True):
    """What one process held: medians of a minute near its start and of its last minute, and the largest WAL."""

    seconds: float
    rss_mb_first: float
    rss_mb_last: float
    descriptors_first: int
    descriptors_last: int
    wal_mb_max: float


class Soak(msgspec.Struct, frozen=True):
    """A long time at a fixed rate; ``minutes`` are what each was like, ``missing`` as for a load."""

    rate: float
    minutes: list[Paced]
    lives: list[Life]
    failed: int
    missing: int

    @property
    def held(self) -> bool:
        """Whether nothing failed or is missing, and no process grew."""
        grown = any(life.rss_mb_last > life.rss_mb_first * (1 + GROWTH_MAX) for life in self.lives)
        return not (self.failed or self.missing or grown)


class Quartiles(msgspec.Struct, frozen=True):
    """The middle of many values, and between what half of them are."""

    low: float
    median: float
    high: float


class Beside(msgspec.Struct, frozen=True):
    """Readers beside ingest at saturation: medians of many short turns. ``seen`` has the most failures of one turn.

    ``ratios`` are of events/s with readers over without in the neighbouring turns, ``cpu_ratios`` of events by the CPU
    time of the service. ``cpu_us_per_request`` is what an answer costs the service while it does nothing else.
    """

    name: str
    rate: float
    alone_events_per_s: float
    events_per_s: float
    ratios: Quartiles
    cpu_ratios: Quartiles
    cpu_us_per_request: float
    seen: Latencies


class BesideIngest(msgspec.Struct, frozen=True):
    """What readers cost ingest; ``publish_ms`` is how long it takes to make the live statistics."""

    readers: list[Beside]
    first_page: FirstPage
    publish_ms: float

    def of(self, name: str) -> Beside | None:
        """Return what readers of one kind cost."""
        return next((each for each in self.readers if each.name == name), None)


class Results(msgspec.Struct):
    """Everything that one run of the benchmark measured; loads and inserts are medians over its runs.

    ``notes`` are sentences about what was left out.
    """

    mode: str
    date: str
    machine: dict[str, str]
    runs: int
    run_s: int
    loads: list[Load] = []
    inserts: list[Inserted] = []
    paced: list[Paced] = []
    growth: list[Growth] = []
    known: Known | None = None
    sealing: Sealing | None = None
    replay: Replay | None = None
    closed: list[ClosedWindow] = []
    closing_beside_load: ClosingBesideLoad | None = None
    soak: Soak | None = None
    beside_ingest: BesideIngest | None = None
    notes: list[str] = []

    def load(self, subject: str, batch: int, connections: int) -> Load | None:
        """Return the load of one kind, if it was measured."""
        wanted = (subject, batch, connections)
        return next((load for load in self.loads if (load.subject, load.batch, load.connections) == wanted), None)

    def insert(self, *, indexed: bool, in_a_row: int) -> Inserted | None:
        """Return the insert loop of one kind, if it was measured."""
        wanted = (indexed, in_a_row)
        return next((loop for loop in self.inserts if (loop.indexed, loop.in_a_row) == wanted), None)


S = TypeVar("S", bound=msgspec.Struct)


def median(runs: Sequence[S]) -> S:
    """Return the median of each number in several runs of the same kind."""
    middle = {}
    for name, first in msgspec.structs.asdict(runs[0]).items():
        values = [getattr(run, name) for run in runs]
        if isinstance(first, msgspec.Struct):
            middle[name] = median(values)
        else:
            middle[name] = statistics.median(values) if isinstance(first, float) else max(values)
    return type(runs[0])(**middle)
