"""Reading database files that another process may be writing, as commands do."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from telemetry.storage.database import LOCK_WAIT_S, read_only_uri, telling_damage


@contextmanager
def read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file so that nothing can be written to it; read briefly: a transaction held open pins the WAL.

    A command has no event loop to keep free, so its connection needs no thread. Raises ``DataDamagedError``.
    """
    with (
        telling_damage(path),
        closing(sqlite3.connect(read_only_uri(path), uri=True, timeout=LOCK_WAIT_S)) as connection,
    ):
        yield connection
