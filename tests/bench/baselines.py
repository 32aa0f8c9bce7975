"""What storage alone achieves: a tight loop of inserts, without HTTP, validation, counters or fsync."""

import os
import sqlite3
import time
from contextlib import closing
from itertools import chain, islice
from pathlib import Path

import msgspec

from tests.bench.events import EventSource
from tests.bench.usage import usage

GROUP_ROWS = 1_000

TABLE = """
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, timestamp TEXT NOT NULL, installation_id TEXT NOT NULL,
    drift_version TEXT NOT NULL, payload TEXT, created_at TEXT NOT NULL DEFAULT (datetime('now'))
)
"""
INDEXES = """
CREATE INDEX events_by_type ON events (type);
CREATE INDEX events_by_installation ON events (installation_id);
CREATE INDEX events_by_created_at ON events (created_at);
CREATE INDEX events_by_timestamp ON events (timestamp);
"""
INSERT = """
INSERT INTO events (type, timestamp, installation_id, drift_version, payload, created_at) VALUES (?, ?, ?, ?, ?, ?)
"""


class Inserted(msgspec.Struct, frozen=True):
    """How fast a loop filled a table; ``in_a_row`` events came from one installation."""

    indexed: bool
    in_a_row: int
    rows: int
    events_per_s: float
    cpu_us_per_event: float
    bytes_per_event: float


def insert_loop(path: Path, *, indexed: bool, in_a_row: int, rows: int) -> Inserted:
    """Fill a new table with groups of 1,000 rows by ``executemany``; making the rows is not timed."""
    made = chain.from_iterable(EventSource(seed=in_a_row).batches(in_a_row, rows))
    elapsed_s = cpu_s = 0.0
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + TABLE)
        if indexed:
            connection.executescript(INDEXES)
        written_before = usage(os.getpid()).written_bytes
        while events := list(islice(made, GROUP_ROWS)):
            created_at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
            group = [(*event, created_at) for event in events]
            started_at, cpu_before = time.perf_counter(), time.process_time()
            connection.execute("BEGIN")
            connection.executemany(INSERT, group)
            connection.execute("COMMIT")
            elapsed_s += time.perf_counter() - started_at
            cpu_s += time.process_time() - cpu_before
        written = usage(os.getpid()).written_bytes - written_before
    return Inserted(
        indexed=indexed,
        in_a_row=in_a_row,
        rows=rows,
        events_per_s=rows / elapsed_s,
        cpu_us_per_event=cpu_s / rows * 1e6,
        bytes_per_event=written / rows,
    )
