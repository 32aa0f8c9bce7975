"""Segments as they lie on the disk, and the processes that seal them."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any
from unittest import mock

from telemetry.running import Running
from telemetry.storage.sqlite import database
from tests.support.events import Traffic, encode
from tests.support.oracle import read
from tests.support.service import HandClock

DAY_S = 86_400
PAGE_BYTES = database.PAGE_BYTES["segment"]
CHECKPOINT_PAGES = database.CHECKPOINT_BYTES // PAGE_BYTES
INDEXED = ["created_at", "installation_id", "timestamp", "type"]


def segment(data_dir: Path, day: str) -> Path:
    """Return the file of a day."""
    return data_dir / "events" / f"{day}.db"


def is_sealed(path: Path) -> bool:
    """Tell whether a file is immutable, out of WAL, and has the documented indexes."""
    indexed = read(path, "SELECT c.name FROM pragma_index_list('events') i, pragma_index_info(i.name) c ORDER BY 1")
    in_wal = path.read_bytes()[18:20] != b"\x01\x01"
    return path.stat().st_mode & 0o777 == 0o400 and not in_wal and [name for (name,) in indexed] == INDEXED


def sealed_days(data_dir: Path) -> list[str]:
    """Return the days that the aggregates database says are sealed."""
    return [day for (day,) in read(data_dir / "telemetry.db", "SELECT day FROM segments WHERE sealed_at IS NOT NULL")]


def is_running(pid: int) -> bool:
    """Tell whether a process is there, if only as a zombie."""
    return Path(f"/proc/{pid}").exists()


def is_stopped(pid: int) -> bool:
    """Tell whether a process stands still because of a signal."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] == "T"


def overwrite(path: Path, content: bytes) -> None:
    """Replace what is in a sealed file, and leave it sealed."""
    path.chmod(0o600)
    path.write_bytes(content)
    path.chmod(0o400)


async def pass_a_day(started: Running, hand: HandClock, traffic: Traffic, *, events: int = 5) -> None:
    """Accept events, flush them, and let their day be over."""
    await started.service.accept(encode(traffic.batch(events)))
    await started.publisher.flush()
    hand.pass_time(DAY_S)


@asynccontextmanager
async def sealing_stopped(
    started: Running, work: Coroutine[Any, Any, Any] | None = None
) -> AsyncIterator[tuple[asyncio.Task[Any], int]]:
    """Begin work whose sealing process stops itself at once; it goes on at the end of the block, if it is still there.

    Without ``work``, begin a check of the sealer.
    """
    archive = started.upkeep.sealer._archive
    stopping = archive._directory.root / "stopping"
    stopping.write_text(f'#!/bin/sh\nkill -STOP $$\nexec {sys.executable} "$@"\n')
    stopping.chmod(0o700)
    with mock.patch.object(sys, "executable", str(stopping)):
        checking = asyncio.create_task(work or started.upkeep.sealer.check())
        while (pid := archive.sealing_pid) is None or not is_stopped(pid):  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.001)
    stopping.unlink()
    yield checking, pid
    # It may have been killed, and be known to be dead before anybody has been told.
    if archive.sealing_pid == pid:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    await checking


def leave_journal(path: Path) -> None:
    """Leave a segment as a kill while its first index is made does: with a journal to be rolled back."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    subprocess.run([sys.executable, "-c", _BE_KILLED, str(path)], check=False)
    assert path.with_name(f"{path.name}-journal").exists()


def make_segment(path: Path, rows: int, time: str = "12:00:00") -> None:
    """Write a segment as the service does, with one event for each of as many installations, received at ``time``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sql = Path(__file__).parents[2] / "sql" / "migrations" / "segment" / "0001_events.sql"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(f"PRAGMA page_size = {PAGE_BYTES}; PRAGMA journal_mode = WAL;")
        connection.executescript(f"BEGIN; {sql.read_text()}; PRAGMA user_version = 1; COMMIT;")
        connection.execute(_MAKE_ROWS, (rows, path.stem, time))


_BE_KILLED = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.executescript("PRAGMA cache_size = 1; BEGIN; CREATE INDEX idx_events_type ON events (type)")
os.kill(os.getpid(), 9)
"""

_MAKE_ROWS = """WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1)
    INSERT INTO events (type, timestamp, installation_id, drift_version, payload, created_at)
    SELECT 'scan_completion', ?2 || 'T10:00:00.000Z', printf('%08x-0000-4000-8000-%012x', n, n), '0.9.1',
        json_object('durationMs', n, 'filesScanned', 1, 'newPatternsDiscovered', 0, 'isIncremental', json('true'),
            'workerCount', 1),
        ?2 || ' ' || ?3
    FROM numbers"""
