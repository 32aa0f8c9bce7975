"""Rewrites a database with pages of another size: a copy takes the place of the file."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from telemetry.storage.sqlite.background import NotNowError
from telemetry.storage.sqlite.database import WAL_BYTES_KEPT, DatabaseKind
from telemetry.storage.sqlite.database_files import existing_uri
from telemetry.storage.sqlite.errors import primary_code
from telemetry.storage.sqlite.migrations import is_of_kind, newest_version
from telemetry.storage.sqlite.reading import last_written
from telemetry.storage.sqlite.syncing import sync_file, sync_folder

# Every reader is done by then, unless it makes a backup.
_READERS_WAIT_S = 1.0
# Some ten milliseconds' worth of SQLite's work.
_INSTRUCTIONS_PER_CALL = 100_000


def write_in_pages(
    path: Path, page_bytes: int, kind: DatabaseKind, scratch: Path, on_progress: Callable[[], None]
) -> bool:
    """Put a copy with pages of another size in the place of a database that only this program writes.

    Return whether the database was rewritten. A database of another kind, or of a newer program, is left alone. The
    copy is made in ``scratch``, a folder on the same disk. A kill at any moment leaves one whole database under the
    name. ``on_progress`` is called from time to time. Raises ``NotNowError`` if there is no room or a reader is in the
    way, and ``sqlite3.Error`` or ``OSError``; the database is unchanged then.
    """
    # A copy must replace the file that a link leads to, not the link.
    if path.is_symlink() or not path.exists():
        return False
    written_at = last_written(path)
    with closing(_connected(path)) as connection:
        if _page_bytes(connection) == page_bytes or not _is_known(connection, kind):
            return False
        _check_room(connection, path, scratch)
        _leave_wal(connection)
        copy = scratch / path.name
        connection.set_progress_handler(on_progress, _INSTRUCTIONS_PER_CALL)
        connection.execute(f"PRAGMA page_size = {page_bytes}")
        connection.execute("VACUUM INTO ?", (str(copy),))
    # The copy must need no journal under its new name: a reader of the old file would take that journal for its own.
    with closing(sqlite3.connect(copy, isolation_level=None)) as written:
        written.execute("PRAGMA journal_mode = WAL")
    _resemble(copy, path, written_at)
    sync_file(copy)
    copy.replace(path)
    sync_folder(path.parent)
    return True


def _connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(existing_uri(path), uri=True, isolation_level=None, timeout=_READERS_WAIT_S)


def _page_bytes(connection: sqlite3.Connection) -> int:
    ((page_bytes,),) = connection.execute("PRAGMA page_size")
    return int(page_bytes)


def _is_known(connection: sqlite3.Connection, kind: DatabaseKind) -> bool:
    ((version,),) = connection.execute("PRAGMA user_version")
    return is_of_kind(connection, kind) and version <= newest_version(kind)


def _check_room(connection: sqlite3.Connection, path: Path, scratch: Path) -> None:
    """Raise ``NotNowError`` unless there is room for the copy and for the next write-ahead log."""
    ((pages,),) = connection.execute("PRAGMA page_count")
    needed = pages * _page_bytes(connection) + WAL_BYTES_KEPT
    disk = os.statvfs(scratch)
    if (free := disk.f_bavail * disk.f_frsize) < needed:
        raise NotNowError(f"a copy of {path} needs {needed:,} bytes, and {free:,} are free")


def _leave_wal(connection: sqlite3.Connection) -> None:
    """Move the write-ahead log into the file; raise ``NotNowError`` if a reader is in the way."""
    try:
        connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    except sqlite3.OperationalError as error:
        if primary_code(error) != sqlite3.SQLITE_BUSY:
            raise
        raise NotNowError("another program reads it") from error


def _resemble(copy: Path, path: Path, written_at_ns: int) -> None:
    """Give a copy the owner, the mode and the time of last change of a file."""
    status = path.stat()
    if (status.st_uid, status.st_gid) != (copy.stat().st_uid, copy.stat().st_gid):
        os.chown(copy, status.st_uid, status.st_gid)
    shutil.copymode(path, copy)
    os.utime(copy, ns=(written_at_ns, written_at_ns))
