"""Growth of what is known: the same load where nobody is known yet, and where millions of installations are."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random

from tests.bench import targets
from tests.bench.events import Population, installation, signature
from tests.bench.measure import Case, measure_load, measure_trickle
from tests.bench.plan import PACED_BATCH, PACED_CONNECTIONS, Bench
from tests.bench.results import Known, Load, Results, Trickle, median
from tests.bench.server import SERVICE, serving

# Every signature has a row of its own.
_SERVICE = (*SERVICE, "--daily-signatures-max", "100000000")
# There the live statistics have active installations; and they are read after each flush.
_DEVELOPMENT = (*_SERVICE, "--environment", "development")
_TRICKLE_PER_S = 35
_TRICKLE_S = 30
# As flushes bring them: in no order, some hundred thousand at a time.
_ROWS_PER_FLUSH = 200_000

_ADD_INSTALLATION = "INSERT INTO installations (installation_id, first_seen, last_seen, days_seen) VALUES (?, ?, ?, 1)"
_ADD_SIGNATURE = """INSERT INTO signature_counts (
    signature_format, signature_hash, language, category, detection_method, occurrence_count, confidence_millionths,
    locations, outliers, first_seen, last_seen
)
VALUES (1, ?, ?, ?, ?, 7, 5000000, 300, 20, ?, ?)"""


def run(bench: Bench, results: Results, population: Population, runs: int) -> None:
    """Measure with and without what is known, taking turns, and then single events that trickle in."""
    bench.tell(f"making {population.installations:,} installations and {population.signatures:,} signatures known")
    known = bench.scratch / "known"
    with serving(SERVICE, known):
        pass
    fill(known / "telemetry.db", population)
    os.sync()
    found: list[tuple[Load, Load]] = []
    for number in range(runs):
        batches = bench.corpus(PACED_BATCH, seed=400 + number, population=population)
        found.append((_load(bench, batches, bench.scratch / f"nobody-{number}"), _load(bench, batches, known)))
        batches.unlink()
    nobody, somebody = (median(each) for each in zip(*found, strict=True))
    results.known = Known(*population, nobody, somebody, _trickle(bench, known, population))
    bench.tell(f"one event a request: {results.known.trickle.bytes_per_request:,.0f} bytes a request")


def fill(aggregates: Path, population: Population) -> None:
    """Make a population known: seen yesterday and before, and not today."""
    yesterday, before = (str(datetime.now(UTC).date() - timedelta(days=ago)) for ago in (1, 40))
    installations = ((installation(one), before, yesterday) for one in _shuffled(population.installations))
    signatures = (
        (*signature(one), f"{before} 10:00:00", f"{yesterday} 10:00:00") for one in _shuffled(population.signatures)
    )
    with closing(sqlite3.connect(aggregates, isolation_level=None)) as connection:
        connection.executescript("PRAGMA synchronous = OFF; PRAGMA cache_size = -200000;")
        for statement, rows in ((_ADD_INSTALLATION, installations), (_ADD_SIGNATURE, signatures)):
            while together := list(islice(rows, _ROWS_PER_FLUSH)):
                connection.execute("BEGIN")
                connection.executemany(statement, sorted(together))
                connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _shuffled(count: int) -> Iterator[int]:
    numbers = list(range(count))
    Random(0).shuffle(numbers)
    return iter(numbers)


def _load(bench: Bench, batches: Path, data_dir: Path) -> Load:
    case = Case(targets.SERVICE, _SERVICE, PACED_BATCH, PACED_CONNECTIONS)
    load = measure_load(case, batches, data_dir, bench.timing)
    bench.tell(f"{data_dir.name}: {load.events_per_s:,.0f} events/s, {load.bytes_per_event:,.0f} bytes an event")
    return load


def _trickle(bench: Bench, data_dir: Path, population: Population) -> Trickle:
    batches = bench.corpus(1, seed=499, events=_TRICKLE_PER_S * _TRICKLE_S, population=population)
    return measure_trickle(_DEVELOPMENT, batches, data_dir, rate=_TRICKLE_PER_S, run_s=_TRICKLE_S)
