"""Sealing: what turns the segment of a day that is over into an immutable, fully indexed file.

It runs in a process of its own, so that neither its computing nor its waiting delays anyone: ``python -m`` this module
with the segment, its watermark and the id of the service's process, which it never outlives. Every step can be repeated
after a crash. It imports only the standard library and modules that import nothing else, so that the process stays
small.
"""

import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from telemetry.catalogue.installations import PLACEHOLDERS_JSON
from telemetry.storage.directory.segment_files import SEALED_MODE
from telemetry.storage.sqlite.background import NotNowError, step_back
from telemetry.storage.sqlite.database_files import existing_uri
from telemetry.storage.sqlite.queries import query

# By their documented names.
INDEXES = {
    "idx_events_type": "type",
    "idx_events_installation": "installation_id",
    "idx_events_created": "created_at",
    "idx_events_timestamp": "timestamp",
}

# How long a reader may be in the way of a step before sealing is put off.
_READER_WAIT_S = 2.0
_CACHE_KIB = 16_384
_SYNC_INTERVAL_S = 0.01
_STEPS_PER_LOOK = 5_000


def seal(path: Path, watermark: int) -> tuple[int, int]:
    """Seal a segment that nobody writes; return how many events and installations it holds.

    Raises ``NotNowError``, ``sqlite3.Error`` or ``OSError``; then, as after a crash, the same can be done again.
    """
    with changing(path, watermark) as connection:
        leave_wal(connection)
        for name, column in INDEXES.items():
            # Exclusive from its start: a reader that came in later would keep what was sorted from leaving the memory.
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute(f"CREATE INDEX IF NOT EXISTS {name} ON events ({column})")
            connection.execute("COMMIT")
        ((rows, installations),) = connection.execute(query("count_segment"), (PLACEHOLDERS_JSON,))
    with _descriptor(path) as descriptor:
        os.fchmod(descriptor, SEALED_MODE)
        os.fsync(descriptor)
    return rows, installations


@contextmanager
def changing(path: Path, watermark: int) -> Iterator[sqlite3.Connection]:
    """Open a segment that nobody writes and that is counted up to ``watermark``.

    Raises ``NotNowError`` if its last events are not counted, or if a reader is in the way of what is done inside.
    """
    # It is closed after the connection: to close any descriptor of a file drops all locks that a process has on it.
    with _descriptor(path) as descriptor, closing(_connect(path)) as connection:
        try:
            if _last_id(connection) > watermark:
                raise NotNowError("its last events are not counted yet")
            _sync_often(connection, descriptor)
            yield connection
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            raise NotNowError("a reader is in the way") from error


def leave_wal(connection: sqlite3.Connection) -> None:
    """Move the write-ahead log into the segment and remove it; raise ``sqlite3.OperationalError`` if it is read."""
    connection.execute("PRAGMA journal_mode = DELETE")


@contextmanager
def _descriptor(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(existing_uri(path), uri=True, isolation_level=None, timeout=_READER_WAIT_S)
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    # The removal of a journal is to be durable too: a power cut must not bring one back beside a sealed segment.
    connection.execute("PRAGMA synchronous = EXTRA")
    return connection


def _last_id(connection: sqlite3.Connection) -> int:
    ((last_id,),) = connection.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'events'")
    return int(last_id)


def _sync_often(connection: sqlite3.Connection, descriptor: int) -> None:
    """Leave the disk little to write at a time, for the syncs of the event log would have to wait for all of it."""
    synced_at = time.monotonic()

    def sync() -> int:
        nonlocal synced_at
        if time.monotonic() - synced_at >= _SYNC_INTERVAL_S:
            os.fdatasync(descriptor)
            synced_at = time.monotonic()
        return 0

    connection.set_progress_handler(sync, _STEPS_PER_LOOK)


def print_outcome(work: Callable[[Path, int], tuple[int, int]]) -> None:
    """Do what the process is for, and print one line of JSON: the counts of the segment, or why not."""
    path, watermark, parent = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    step_back(parent)
    try:
        print(json.dumps({"counts": work(path, watermark)}))
    except NotNowError as reason:
        print(json.dumps({"put_off": str(reason)}))
    except (sqlite3.Error, OSError) as error:
        print(json.dumps({"failed": str(error)}))


if __name__ == "__main__":
    print_outcome(seal)
