"""Rolling back what a program had begun to write to a database that is not in WAL mode when it was killed."""

import sqlite3
from contextlib import closing
from pathlib import Path

from telemetry.storage.sqlite.access import has_journal
from telemetry.storage.sqlite.database_files import existing_uri

_TOUCH = "SELECT count(*) FROM sqlite_schema"


def roll_back(path: Path, *, wait_s: float) -> None:
    """Undo, durably, the transaction that a killed program left; do nothing if its program is still at work.

    A journal is rolled back by whoever opens the database next and may write; SQLite knows by the locks whether its
    program lives. Raises ``sqlite3.OperationalError``, for one if this user may not write.
    """
    if not has_journal(path):
        return
    uri = existing_uri(path)
    with closing(sqlite3.connect(uri, uri=True, timeout=wait_s, isolation_level=None)) as connection:
        # The removal of the journal has to be durable too: a power cut must not bring it back.
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute(_TOUCH).fetchone()
