"""Growth: the same load on a segment that holds millions of rows, a restart with much to replay, and sealing it all."""

import os
import sqlite3
import time
import urllib.request
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from tests.bench import targets
from tests.bench.events import EventSource
from tests.bench.measure import Case, measure_load, measure_paced, pace
from tests.bench.plan import PACED_BATCH, PACED_CONNECTIONS, Bench
from tests.bench.results import Growth, Replay, Results, Sealing, median
from tests.bench.server import SERVICE, ServerError, serving

# Made once and inserted again and again: rows without an index cost the same whatever they hold.
_TEMPLATE_ROWS = 100_000
_SEALING_TIMEOUT_S = 600.0


def run(bench: Bench, results: Results, rows: Sequence[int], runs: int, replay_events: int) -> None:
    """Measure at each number of rows, then the replay, on one growing segment of today."""
    day = _today()
    data_dir = bench.scratch / "grown"
    segment = _create(data_dir)
    for number, wanted in enumerate(rows):
        bench.tell(f"filling today's segment up to {wanted:,} rows")
        _fill(segment, wanted)
        _set_watermark(data_dir, _last_id(segment))
        results.growth.append(_step(bench, data_dir, wanted, seed=100 * (number + 1), runs=runs))
    results.replay = _replay(data_dir, segment, replay_events)
    bench.tell(f"replay of {replay_events:,} events: {results.replay.events_per_s:,.0f} events/s")
    results.sealing = _sealing(bench, data_dir, segment, results.growth[-1])
    bench.tell(f"sealing took {results.sealing.seconds:.0f} s")
    if _today() != day:
        raise ServerError("the day changed meanwhile, and with it the segment: start again")


def _step(bench: Bench, data_dir: Path, rows: int, *, seed: int, runs: int) -> Growth:
    case = Case(targets.SERVICE, SERVICE, PACED_BATCH, PACED_CONNECTIONS)
    loads, paced = [], []
    for number in range(runs):
        batches = bench.corpus(PACED_BATCH, seed + number)
        loads.append(measure_load(case, batches, data_dir, bench.timing))
        batches.unlink()
    load = median(loads)
    bench.tell(f"at {rows:,} rows: {load.events_per_s:,.0f} events/s, {load.bytes_per_event:,.0f} bytes an event")
    for number in range(runs):
        batches = bench.corpus(PACED_BATCH, seed + 50 + number)
        paced.append(
            measure_paced(
                SERVICE, batches, data_dir, batch=PACED_BATCH, rate=load.requests_per_s / 2, run_s=bench.timing.run_s
            )
        )
        batches.unlink()
    return Growth(rows, load, median(paced))


def _replay(data_dir: Path, segment: Path, events: int) -> Replay:
    with serving(SERVICE, data_dir) as server:
        start_without_s = server.start_s
    _set_watermark(data_dir, max(0, _last_id(segment) - events))
    with serving(SERVICE, data_dir) as server:
        return Replay(min(events, _last_id(segment)), server.start_s, start_without_s)


def _sealing(bench: Bench, data_dir: Path, segment: Path, grown: Growth) -> Sealing:
    """Make the segment one of yesterday, and measure while the service seals it."""
    yesterday = segment.with_stem((datetime.now(UTC).date() - timedelta(days=1)).isoformat())
    segment.rename(yesterday)
    _set_watermark(data_dir, _last_id(yesterday), yesterday.stem)
    rows, bytes_before, rate = _last_id(yesterday), yesterday.stat().st_size, grown.load.requests_per_s / 2
    batches = bench.corpus(PACED_BATCH, seed=99)
    with serving(SERVICE, data_dir) as server:
        paced = pace(server.port, batches, batch=PACED_BATCH, rate=rate, run_s=bench.timing.run_s)
        sealed = _wait_until_sealed(data_dir / "output.log")
    return Sealing(rows, sealed["seconds"], yesterday.stat().st_size - bytes_before, paced)


def _wait_until_sealed(output: Path) -> dict[str, Any]:
    deadline = time.monotonic() + _SEALING_TIMEOUT_S
    while time.monotonic() < deadline:
        for line in output.read_bytes().splitlines():
            if b'"sealed"' in line:
                sealed: dict[str, Any] = msgspec.json.decode(line)
                return sealed
        time.sleep(0.1)
    raise ServerError(f"not sealed within {_SEALING_TIMEOUT_S:.0f} s")


def _create(data_dir: Path) -> Path:
    """Have the service create its files: the first batch opens the segment."""
    body = f'{{"events":[{EventSource(0).batch(1)[0].json()}]}}'.encode()
    with serving(SERVICE, data_dir) as server:
        request = urllib.request.Request(f"{server.url}/v1/events", data=body)
        with urllib.request.urlopen(request, timeout=10):
            pass
    return data_dir / "events" / f"{_today()}.db"


def _fill(segment: Path, rows: int) -> None:
    made = [event for batch in EventSource(2).batches(50, min(rows, _TEMPLATE_ROWS)) for event in batch]
    columns = "type, timestamp, installation_id, drift_version, payload"
    with closing(sqlite3.connect(segment, isolation_level=None)) as connection:
        connection.executescript("PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY;")
        connection.execute(f"CREATE TEMP TABLE made ({columns})")
        connection.executemany("INSERT INTO made VALUES (?, ?, ?, ?, ?)", made)
        # Received at the start of the day: they are older than what the duplicate window remembers.
        append = f"INSERT INTO events ({columns}, created_at) SELECT *, ? FROM made LIMIT ?"
        while (missing := rows - _last_id(segment)) > 0:
            connection.execute(append, (f"{segment.stem} 00:00:00", missing))
    # What the system would still be writing to the disk for long must not be measured.
    os.sync()


def _last_id(segment: Path) -> int:
    with closing(sqlite3.connect(segment)) as connection:
        return int(connection.execute("SELECT coalesce(max(id), 0) FROM events").fetchone()[0])


def _set_watermark(data_dir: Path, watermark: int, day: str | None = None) -> None:
    with closing(sqlite3.connect(data_dir / "telemetry.db")) as connection, connection:
        connection.execute("UPDATE segments SET watermark = ?, day = coalesce(?, day)", (watermark, day))


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
