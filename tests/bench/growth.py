"""Growth: the same load on segments that hold millions of rows, a restart with much to replay, and sealing one."""

import os
import shutil
import sqlite3
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from tests.bench import targets
from tests.bench.events import EventSource
from tests.bench.measure import Case, measure_load, measure_paced, pace
from tests.bench.plan import PACED_BATCH, PACED_CONNECTIONS, Bench
from tests.bench.results import Growth, Load, Paced, Replay, Results, Sealing, median
from tests.bench.server import SERVICE, ServerError, serving

# Made once and inserted again and again, each time with other milliseconds: copies of one event slow a start down.
_TEMPLATE_ROWS = 100_000
_SEALED_ROWS = 5_000_000
_SEALING_PACED_S = 20
_SEALING_TIMEOUT_S = 600.0

_Measured = TypeVar("_Measured", Load, Paced)


class Grown:
    """A data directory whose segment of today was filled with rows; what is measured on it adds to them."""

    def __init__(self, bench: Bench, name: str, rows: int) -> None:
        bench.tell(f"filling a segment with {rows:,} rows")
        self.rows = rows
        self.data_dir = bench.scratch / name
        self.segment = _create(self.data_dir)
        _fill(self.segment, rows)
        self._aggregates = self.data_dir / "telemetry.db"
        self._kept = self.data_dir.with_suffix(".aggregates")
        shutil.copyfile(self._aggregates, self._kept)

    def renew(self) -> None:
        """Put the aggregates back to what they were: only the segment differs from run to run."""
        for path in self.data_dir.glob("telemetry.db-*"):
            path.unlink()
        shutil.copyfile(self._kept, self._aggregates)
        self.set_watermark(_last_id(self.segment))

    def set_watermark(self, watermark: int) -> None:
        """Have the aggregates claim that they include the events up to this one."""
        with closing(sqlite3.connect(self._aggregates)) as connection, connection:
            connection.execute("UPDATE segments SET watermark = ?, day = ?", (watermark, self.segment.stem))

    def grow_old(self) -> None:
        """Make the segment one of yesterday."""
        yesterday = datetime.now(UTC).date() - timedelta(days=1)
        self.segment = self.segment.rename(self.segment.with_stem(yesterday.isoformat()))
        self.renew()


def run(bench: Bench, results: Results, rows: Sequence[int], runs: int, replay_events: int) -> None:
    """Measure at each number of rows, in rounds, then the replay and the sealing."""
    day = _today()
    grown = [Grown(bench, f"grown-{wanted}", wanted) for wanted in rows]
    # What the system would still be writing to the disk for long must not be measured.
    os.sync()
    loads = _rounds(bench, grown, range(100, 100 + runs), _load)
    bench.tell("latencies at half of that")
    rate = min(median(each).requests_per_s for each in loads) / 2
    paced = _rounds(bench, grown, range(200, 200 + runs), partial(_paced, rate=rate))
    results.growth = [
        Growth(at.rows, median(load), median(pace)) for at, load, pace in zip(grown, loads, paced, strict=True)
    ]
    results.replay = _replay(grown[-1], replay_events)
    bench.tell(f"replay of {replay_events:,} events: {results.replay.events_per_s:,.0f} events/s")
    results.sealing = _sealing(bench, Grown(bench, "sealed", _SEALED_ROWS), rate)
    bench.tell(f"sealing took {results.sealing.seconds:.0f} s")
    if _today() != day:
        raise ServerError("the day changed meanwhile, and with it the segment: start again")


def _rounds(
    bench: Bench, grown: Sequence[Grown], seeds: Sequence[int], measure: Callable[[Bench, Grown, Path], _Measured]
) -> list[list[_Measured]]:
    """Measure each of them once for every seed, taking turns; the batches of a turn are new to all."""
    found: list[list[_Measured]] = [[] for _ in grown]
    for seed in seeds:
        batches = bench.corpus(PACED_BATCH, seed)
        for each, at in zip(found, grown, strict=True):
            at.renew()
            each.append(measure(bench, at, batches))
        batches.unlink()
    return found


def _load(bench: Bench, at: Grown, batches: Path) -> Load:
    case = Case(targets.SERVICE, SERVICE, PACED_BATCH, PACED_CONNECTIONS)
    load = measure_load(case, batches, at.data_dir, bench.timing)
    bench.tell(f"from {at.rows:,} rows: {load.events_per_s:,.0f} events/s, {load.bytes_per_event:,.0f} bytes an event")
    return load


def _paced(bench: Bench, at: Grown, batches: Path, rate: float) -> Paced:
    return measure_paced(SERVICE, batches, at.data_dir, batch=PACED_BATCH, rate=rate, run_s=bench.timing.run_s)


def _replay(at: Grown, events: int) -> Replay:
    at.renew()
    with serving(SERVICE, at.data_dir) as server:
        start_without_s = server.start_s
    at.set_watermark(max(0, _last_id(at.segment) - events))
    with serving(SERVICE, at.data_dir) as server:
        return Replay(min(events, _last_id(at.segment)), server.start_s, start_without_s)


def _sealing(bench: Bench, at: Grown, rate: float) -> Sealing:
    """Measure before the segment is one of yesterday, and while the service seals it."""
    os.sync()
    batches = bench.corpus(PACED_BATCH, seed=300)
    at.renew()
    before = measure_paced(SERVICE, batches, at.data_dir, batch=PACED_BATCH, rate=rate, run_s=_SEALING_PACED_S)
    at.grow_old()
    rows, bytes_before = _last_id(at.segment), at.segment.stat().st_size
    with serving(SERVICE, at.data_dir) as server:
        meanwhile = pace(server.port, batches, batch=PACED_BATCH, rate=rate, run_s=_SEALING_PACED_S)
        sealed = _wait_until_sealed(at.data_dir / "output.log")
    return Sealing(rows, sealed["seconds"], at.segment.stat().st_size - bytes_before, before, meanwhile)


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
        later = columns.replace("timestamp", "substr(timestamp, 1, 20) || printf('%03dZ', ?)")
        append = f"INSERT INTO events ({columns}, created_at) SELECT {later}, ? FROM made LIMIT ?"
        times = 0
        while (missing := rows - _last_id(segment)) > 0:
            connection.execute(append, (times, f"{segment.stem} 00:00:00", missing))
            times += 1


def _last_id(segment: Path) -> int:
    with closing(sqlite3.connect(segment)) as connection:
        return int(connection.execute("SELECT coalesce(max(id), 0) FROM events").fetchone()[0])


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
