"""Reading database files that another process may be writing, as commands do."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from telemetry.operator_errors import ConflictError, DamagedError
from telemetry.storage.sqlite.access import can_write, has_journal, has_shared_memory, is_foreign, log_bytes
from telemetry.storage.sqlite.database import LOCK_WAIT_S, DatabaseKind
from telemetry.storage.sqlite.database_files import LOG, beside, existing_uri, immutable_uri, read_only_uri
from telemetry.storage.sqlite.disk_room import has_room
from telemetry.storage.sqlite.errors import explaining, primary_code
from telemetry.storage.sqlite.journals import roll_back
from telemetry.storage.sqlite.migrations import check_known, is_of_kind, newest_version, other_kind_sentence

_ALONE_WAIT_S = 1.0
ROWS_PER_READ = 2_000
"""How many rows to fetch at a time: some hundred kilobytes in memory, and a read of a few milliseconds."""


@contextmanager
def read_only(path: Path, *, wait_s: float = LOCK_WAIT_S) -> Iterator[sqlite3.Connection]:
    """Open a file so that nothing can be written to it; read briefly: a transaction held open pins the WAL.

    A command has no event loop to keep free, so its connection needs no thread. A locked file is waited for, and what a
    killed program had begun to write is rolled back first. Raises ``OperatorError`` for whatever is wrong with the
    file, and ``sqlite3.Error`` for a statement.
    """
    with explaining(path):
        uri = readable_uri(path, wait_s=wait_s)
        with held_still(path, uri), closing(sqlite3.connect(uri, uri=True, timeout=wait_s)) as connection:
            yield connection


@contextmanager
def reading(path: Path, kind: DatabaseKind, *, wait_s: float = LOCK_WAIT_S) -> Iterator[sqlite3.Connection]:
    """Open a file as ``read_only`` does, and refuse one of another kind or of a newer schema.

    A file of an older schema is read as far as it goes; ``DamagedError`` says when that was not far enough.
    """
    version: int | None = None
    try:
        with read_only(path, wait_s=wait_s) as connection:
            ((version,),) = connection.execute("PRAGMA user_version")
            if not is_of_kind(connection, kind):
                raise DamagedError(f"{path} {other_kind_sentence(kind)}")
            check_known(version, path, kind)
            yield connection
    except sqlite3.OperationalError as error:
        if primary_code(error) == sqlite3.SQLITE_ERROR and version is not None and version < newest_version(kind):
            raise DamagedError(
                f"{path} has schema version {version}, this program reads {newest_version(kind)} ({error}): "
                "run `telemetry migrate`"
            ) from error
        raise


@contextmanager
def reading_alone(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file that no other program has open, sharing no memory: SQLite needs no room for that beside it.

    Nothing is written but what a write-ahead log already holds. Raises ``sqlite3.Error``.
    """
    uri = existing_uri(path)
    with closing(sqlite3.connect(uri, uri=True, timeout=_ALONE_WAIT_S)) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA query_only = ON")
        yield connection


def readable_uri(path: Path, *, wait_s: float) -> str:
    """Return how SQLite is told to read a file, after rolling back what a killed program had begun to write to it."""
    if has_journal(path):
        _settle(path, wait_s)
    immutable = _is_empty(path) or _is_quiet(path)
    return immutable_uri(path) if immutable else read_only_uri(path)


@contextmanager
def held_still(path: Path, uri: str) -> Iterator[None]:
    """Raise ``ConflictError`` if a file is written to while it is read as an immutable one: what was read may be torn.

    While its write-ahead log grows it is still what it was.
    """
    if "immutable" not in uri:
        yield
        return
    before = _stamp(path)
    try:
        yield
    except sqlite3.Error as error:
        _check_stamp(path, before, error)
        raise
    _check_stamp(path, before, None)


def _check_stamp(path: Path, before: tuple[int, int], reason: Exception | None) -> None:
    # A file that was removed is read to its end as it was.
    if path.exists() and _stamp(path) != before:
        raise ConflictError(f"{path} was written to while it was read: try again") from reason


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _settle(path: Path, wait_s: float) -> None:
    try:
        with closing(sqlite3.connect(read_only_uri(path), uri=True, timeout=wait_s)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError as error:
        # SQLite has found no program at work on it.
        if error.sqlite_errorcode != sqlite3.SQLITE_READONLY_ROLLBACK:
            raise
        roll_back(path, wait_s=wait_s)


def _is_empty(path: Path) -> bool:
    """Tell whether a file holds nothing. Unless it is immutable, SQLite then deletes the write-ahead log beside it."""
    with suppress(OSError):
        return not path.stat().st_size
    return False


def _is_quiet(path: Path) -> bool:
    """Tell whether a file can only be read as one that nobody writes, and is one.

    To read a database in WAL mode SQLite makes files beside it, which a user may not who may not write there. One that
    is not the owner must not: the owner could not use them. A full disk has no room for them. Whoever has such a
    database open has a ``-wal`` beside it, and a ``-shm`` that is as large as it will be.
    """
    if not path.exists() or (can_write(path.parent) and not is_foreign(path) and has_room(path)):
        return False
    waiting = log_bytes(path)
    is_closed = waiting is None or (waiting == 0 and not has_shared_memory(path))
    return is_closed and not has_journal(path)


def last_written(path: Path) -> int:
    """Return when a database was last written to, in nanoseconds since 1970, or 0 if there is none."""
    newest = 0
    # SQLite makes an empty WAL when a file is only read.
    for file, bytes_min in ((path, 0), (beside(path, LOG), 1)):
        with suppress(FileNotFoundError):
            status = file.stat()
            if status.st_size >= bytes_min:
                newest = max(newest, status.st_mtime_ns)
    return newest
