"""What SQLite's errors mean: which of them are damage, what a client is told, and what an operator is to do."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from telemetry.errors import ErrorCode
from telemetry.operator_errors import ConflictError, DamagedError, InUseError, OperatorError, StorageFailedError
from telemetry.storage.sqlite.access import obstacle
from telemetry.storage.sqlite.disk_room import fullness, is_full

# Only these say that the content of a file is wrong.
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_IN_USE = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_NO_ACCESS = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY}


@contextmanager
def telling_damage(path: Path) -> Iterator[None]:
    """Raise ``DamagedError`` naming the file if SQLite finds it damaged."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if primary_code(error) not in DAMAGED:
            raise
        raise DamagedError(f"{path} {damage_sentence(error)}") from error


@contextmanager
def explaining(path: Path) -> Iterator[None]:
    """Turn what SQLite cannot do with a file into a ``OperatorError`` that names it and says what to do.

    An error of a statement, which says nothing of the file, is raised as it is.
    """
    try:
        yield
    except sqlite3.Error as error:
        explained = explanation(error, path)
        if explained is None:
            raise
        raise explained from error


def explanation(error: sqlite3.Error, path: Path) -> OperatorError | None:
    """Return what an error says of a file, or None if it is about a statement."""
    code = primary_code(error)
    if code in DAMAGED:
        return DamagedError(f"{path} {damage_sentence(error)}")
    if code in _IN_USE:
        return InUseError(
            f"{path} is locked, perhaps because it is being sealed: try again in a minute; "
            f"`fuser {path}` shows who has it open"
        )
    if (full := fullness(error, path)) is not None:
        return full
    if code in _NO_ACCESS and (found := obstacle(path, writing=code == sqlite3.SQLITE_READONLY)) is not None:
        return found
    if error.sqlite_errorcode == sqlite3.SQLITE_READONLY_ROLLBACK:
        return ConflictError(f"{path} was left by a program that was killed while it wrote: try again")
    return failure(error, str(path))


def failure(error: sqlite3.Error, subject: str) -> StorageFailedError | None:
    """Return what an error says of the system that a database is on, or None if it is about a statement."""
    match primary_code(error):
        case sqlite3.SQLITE_FULL:
            advice = "cannot be written because the disk is full: free some space on it"
        case sqlite3.SQLITE_IOERR:
            advice = f"cannot be used because the disk or the file system failed ({error}): find the cause with `dmesg`"
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_READONLY:
            advice = (
                f"cannot be opened ({error}): see that this user may read and write the data directory, that it is not "
                "on a read-only file system, and that enough files can be open (`ulimit -n`)"
            )
        case sqlite3.SQLITE_NOMEM:
            advice = f"cannot be used ({error}): free some memory"
        case _:
            return None
    return StorageFailedError(f"{subject} {advice}")


def damage_sentence(found: object) -> str:
    """Return what is said of a damaged file, after its name."""
    return f"is damaged ({found}) and was left as it is: stop the service, move it away and restore it from a backup"


def primary_code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code, or 0 for an error that SQLite did not report."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def storage_error_code(error: sqlite3.Error | OperatorError | OSError) -> ErrorCode:
    """Return what a client is told when a write failed."""
    if is_full(error):
        return ErrorCode.STORAGE_FULL
    if isinstance(error, sqlite3.Error) and primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return ErrorCode.BUSY
    return ErrorCode.STORAGE_ERROR
