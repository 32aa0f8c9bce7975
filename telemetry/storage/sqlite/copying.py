"""Copying database files that may be in use, and telling whether a copy is sound."""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from telemetry.operator_errors import DamagedError
from telemetry.storage.sqlite.database import DatabaseKind
from telemetry.storage.sqlite.database_files import immutable_uri, unlocked_uri
from telemetry.storage.sqlite.errors import DAMAGED, failure, primary_code, telling_damage
from telemetry.storage.sqlite.migrations import is_of_kind, other_kind_sentence
from telemetry.storage.sqlite.reading import read_only
from telemetry.storage.sqlite.syncing import sync_file

Progress = Callable[[int], None]
"""Is told how many bytes, or rows, have been dealt with since the last time."""

# Sealing a large segment locks it for so long.
PATIENCE_S = 120
_PAGES_PER_STEP = 256
_READ_BYTES = 1 << 20


def no_progress(_: int) -> None:
    """Tell nobody."""


def copy_database(source: Path, target: Path, on_bytes: Progress = no_progress) -> None:
    """Copy a database as it is at one moment, its WAL included, durably; the copy needs no file beside it.

    The copy is made inside one read transaction: a writer goes on, and no step has to begin anew because it did. Until
    the end checkpoints only reach as far as this moment.
    """
    with (
        read_only(source, wait_s=PATIENCE_S) as reader,
        _telling_full_disk(target),
        closing(_connect_alone(target)) as writer,
    ):
        reader.execute("BEGIN")
        # The transaction begins with the first page that it reads.
        reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        ((page_bytes,),) = reader.execute("PRAGMA page_size")
        writer.execute("PRAGMA journal_mode = OFF")
        writer.execute("PRAGMA synchronous = OFF")
        copied = 0

        def advance(_: int, remaining: int, total: int) -> None:
            nonlocal copied
            on_bytes((total - remaining - copied) * page_bytes)
            copied = total - remaining

        reader.backup(writer, pages=_PAGES_PER_STEP, progress=advance)
    # The pages were copied as they are, the one that says that there is a WAL included.
    with closing(_connect_alone(target)) as copy:
        copy.execute("PRAGMA journal_mode = DELETE")
    sync_file(target)


def _connect_alone(path: Path) -> sqlite3.Connection:
    """Connect to a file that no other process knows of."""
    connection = sqlite3.connect(unlocked_uri(path), uri=True, isolation_level=None)
    # Without locks there is no shared memory: a file in WAL mode then opens only in exclusive mode.
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    return connection


@contextmanager
def _telling_full_disk(target: Path) -> Iterator[None]:
    """Name the copy, not what is copied, where it is the copy that cannot be written."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if primary_code(error) == sqlite3.SQLITE_FULL or error.sqlite_errorcode == sqlite3.SQLITE_IOERR_WRITE:
            raise failure(error, str(target)) or error from error
        raise


def damage(connection: sqlite3.Connection, *, full: bool = False) -> str | None:
    """Return what SQLite finds wrong with a database, or None; ``full`` also compares indexes with their tables.

    Raises ``sqlite3.Error`` if it could not be read, which says nothing of what it holds.
    """
    try:
        ((found,),) = connection.execute(f"PRAGMA {'integrity_check' if full else 'quick_check'}(1)")
    except sqlite3.DatabaseError as error:
        if primary_code(error) not in DAMAGED:
            raise
        return str(error)
    return None if found == "ok" else str(found)


def check_copy(path: Path, source: Path, kind: DatabaseKind) -> None:
    """Raise ``DamagedError`` unless a copy that nobody writes is sound, and its source of the right kind."""
    # Immutable, so that SQLite puts nothing beside it.
    with (
        telling_damage(path),
        closing(sqlite3.connect(immutable_uri(path), uri=True)) as connection,
    ):
        if found := damage(connection):
            raise DamagedError(f"{path} is damaged ({found})")
        if not is_of_kind(connection, kind):
            raise DamagedError(f"{source} {other_kind_sentence(kind)}")


def digest(path: Path, on_bytes: Progress = no_progress) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            hashed.update(block)
            on_bytes(len(block))
    return hashed.hexdigest()
