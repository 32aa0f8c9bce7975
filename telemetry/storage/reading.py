"""Reading database files that another process may be writing, as commands do."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from telemetry.errors import DataDamagedError, LockHeldError, NoDataError
from telemetry.storage.database import LOCK_WAIT_S, Kind, primary_code, read_only_uri, telling_damage
from telemetry.storage.migrations import check_known, newest_version


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


@contextmanager
def reading(path: Path, kind: Kind, *, wait_s: float = LOCK_WAIT_S) -> Iterator[sqlite3.Connection]:
    """Open a file as ``read_only`` does, and turn what can be wrong with it into a sentence that says what to do.

    A file of an older schema is read as far as it goes; one that is locked is waited for. Raises ``NoDataError``,
    ``DataDamagedError``, ``LockHeldError``.
    """
    version: int | None = None
    try:
        with read_only(path) as connection:
            connection.execute(f"PRAGMA busy_timeout = {round(wait_s * 1_000)}")
            ((version,),) = connection.execute("PRAGMA user_version")
            check_known(version, path, kind)
            yield connection
    except sqlite3.OperationalError as error:
        if not path.exists():
            raise NoDataError(f"{path} does not exist: choose the directory of a service with --data-dir") from error
        if primary_code(error) == sqlite3.SQLITE_BUSY:
            raise LockHeldError(
                f"{path} is locked, perhaps because it is being sealed: try again in a minute"
            ) from error
        if primary_code(error) == sqlite3.SQLITE_ERROR and version is not None and version < newest_version(kind):
            raise DataDamagedError(
                f"{path} has schema version {version}, this program reads {newest_version(kind)} ({error}): "
                "run `telemetry migrate`"
            ) from error
        raise


def last_written(path: Path) -> int:
    """Return when a database was last written to, in nanoseconds since 1970, or 0 if there is none."""
    newest = 0
    # SQLite makes an empty WAL when a file is only read.
    for file, bytes_min in ((path, 0), (path.with_name(f"{path.name}-wal"), 1)):
        with suppress(FileNotFoundError):
            status = file.stat()
            if status.st_size >= bytes_min:
                newest = max(newest, status.st_mtime_ns)
    return newest
