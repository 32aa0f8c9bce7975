"""Closing: what it costs to make public numbers, and what batches wait for it.

Windows are closed by the process that the service starts, alone and one at a time; then by a service under load.
"""

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from telemetry.published.closings import Closing, Job, Report
from telemetry.published.contributions import THRESHOLD
from telemetry.published.windows import Period, PublicWindow, windows_between
from telemetry.storage.directory.data_directory import DataDirectory
from tests.bench import targets
from tests.bench.events import Population
from tests.bench.measure import Case, measure_load, measure_paced, pace
from tests.bench.plan import PACED_BATCH, PACED_CONNECTIONS, Bench
from tests.bench.results import ClosedWindow, ClosingBesideLoad, Results
from tests.bench.sealed_days import last_four_weeks, make_days
from tests.bench.server import SERVICE, ServerError, serving
from tests.bench.usage import usage

_BLOCK_BYTES = 512
_UNSCALED_DAILY = 1_000_000
_TIMEOUT_S = 1_800.0
_LOOK_S = 0.02


class _Used(NamedTuple):
    """What a process used from its start to its end."""

    cpu_s: float
    rss_peak_bytes: int
    written_bytes: int


def measure_day(bench: Bench, results: Results, events: int, population: Population, paced_s: int) -> None:
    """Close the day, the week and the four weeks of one day of events; then again while batches come in.

    With ``paced_s`` 0, the load is left out.
    """
    directory = DataDirectory(bench.scratch / f"day-{events}")
    days = last_four_weeks().days()[:1]
    last_ids = _make(bench, directory, days, events, population)
    for window in windows_between(days[0], days[-1]):
        _measure(bench, results, directory, Closing(window.period, window.start, last_ids))
    if paced_s:
        results.closing_beside_load = _beside_load(bench, directory, paced_s)


def measure_four_weeks(bench: Bench, results: Results, daily: int, population: Population) -> None:
    """Close all windows of four weeks that have as many events each day, by a population scaled to a million."""
    scale = daily / _UNSCALED_DAILY
    population = Population(*(max(1, int(size * scale)) for size in population))
    directory = DataDirectory(bench.scratch / f"four-weeks-{daily}")
    days = last_four_weeks().days()
    last_ids = _make(bench, directory, days, daily, population)
    for window in windows_between(days[0], days[-1]):
        inside = {day: last_id for day, last_id in last_ids.items() if day in window.days()}
        _measure(bench, results, directory, Closing(window.period, window.start, inside))


def _make(
    bench: Bench, directory: DataDirectory, days: list[str], events: int, population: Population
) -> dict[str, int]:
    bench.tell(f"making and sealing {len(days)} days of {events:,} events")
    last_ids = make_days(directory, days, events, population)
    # What the system would still be writing to the disk for long must not be measured.
    os.sync()
    # A window without events: what is left is what any closing and any file need.
    _close(directory, Closing(Period.DAY, PublicWindow.of(Period.DAY, "2024-01-01").start, {}))
    return last_ids


def _measure(bench: Bench, results: Results, directory: DataDirectory, one: Closing) -> None:
    before = directory.published.stat().st_size
    started_at = time.monotonic()
    used = _close(directory, one)
    found = ClosedWindow(
        period=one.period,
        days=len(one.segments),
        events=sum(one.segments.values()),
        seconds=time.monotonic() - started_at,
        cpu_s=used.cpu_s,
        rss_peak_mb=used.rss_peak_bytes / 1e6,
        written_mb=used.written_bytes / 1e6,
        published_bytes=directory.published.stat().st_size - before,
    )
    bench.tell(
        f"{one.period} of {found.events:,} events: {found.seconds:.1f} s, {found.cpu_s:.1f} s of CPU, "
        f"{found.rss_peak_mb:.0f} MB, {found.published_bytes:,} bytes in published.db"
    )
    results.closed.append(found)


def _close(directory: DataDirectory, one: Closing) -> _Used:
    """Run the process that closes windows, and return what it used."""
    job = msgspec.json.encode(Job([one], THRESHOLD)).decode()
    command = [sys.executable, "-m", "telemetry.closing", str(directory.root), job, str(os.getpid())]
    environment = os.environ | {"SQLITE_TMPDIR": str(directory.root)}
    with (directory.root / "report.json").open("w+b") as output:
        process = subprocess.Popen(command, stdout=output, env=environment)
        rss_peak_bytes = 0
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            # What the system says of an ended process has the memory of the one that started it in it.
            with suppress(OSError, KeyError):
                rss_peak_bytes = max(rss_peak_bytes, usage(process.pid).rss_peak_bytes)
            time.sleep(_LOOK_S)
        process.returncode = os.waitstatus_to_exitcode(ended[1])
        output.seek(0)
        printed = output.read()
    if process.returncode or not msgspec.json.decode(printed, type=Report).closed:
        raise ServerError(f"{one.period} from {one.start} was not closed: {printed.decode().strip()}")
    return _Used(ended[2].ru_utime + ended[2].ru_stime, rss_peak_bytes, ended[2].ru_oublock * _BLOCK_BYTES)


def _beside_load(bench: Bench, directory: DataDirectory, paced_s: int) -> ClosingBesideLoad:
    """Have batches come in at half of the maximum, first while all windows are published and then while none is."""
    case = Case(targets.SERVICE, SERVICE, PACED_BATCH, PACED_CONNECTIONS)
    rate = measure_load(case, bench.corpus(PACED_BATCH), bench.scratch / "maximum", bench.timing).requests_per_s / 2
    batches = bench.corpus(PACED_BATCH, seed=600, events=int(rate * (paced_s + 1)) * PACED_BATCH)
    bench.tell(f"{rate:,.0f} batches a second for {paced_s} s, without closing and with it")
    before = measure_paced(SERVICE, batches, directory.root, batch=PACED_BATCH, rate=rate, run_s=paced_s)
    directory.published.unlink()
    with closing(sqlite3.connect(directory.aggregates)) as connection, connection:
        connection.execute("DELETE FROM published_windows")
    others = bench.corpus(PACED_BATCH, seed=601, events=int(rate * (paced_s + 1)) * PACED_BATCH)
    os.sync()
    with serving(SERVICE, directory.root) as server:
        meanwhile = pace(server.port, others, batch=PACED_BATCH, rate=rate, run_s=paced_s)
        windows, seconds = _wait_until_published(directory.root / "output.log")
    bench.tell(f"closing {windows} windows took {seconds:.0f} s, p99 of batches {meanwhile.ingest.p99_ms:.1f} ms")
    return ClosingBesideLoad(windows, seconds, paced_s, before, meanwhile)


def _wait_until_published(output: Path) -> tuple[int, float]:
    """Return how many windows a service has published, and how long that took."""
    deadline = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < deadline:
        for line in output.read_bytes().splitlines():
            if b'"published"' in line:
                told: dict[str, Any] = msgspec.json.decode(line)
                return told["windows"], told["seconds"]
        time.sleep(0.1)
    raise ServerError(f"nothing was published within {_TIMEOUT_S:.0f} s: {output.read_text(encoding='utf-8')}")
