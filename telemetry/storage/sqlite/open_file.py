"""A database file that is open: whether its name still leads to it, and saving what it holds if not.

SQLite goes on with a file that was removed or replaced, and everything it stores there is gone when the file is closed.
"""

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import aiosqlite

from telemetry.storage.sqlite.database_files import LOG, beside
from telemetry.storage.sqlite.syncing import sync_file, sync_folder

SAVED = "-saved"
UNFINISHED = f"{SAVED}.unfinished"
_PAGES_PER_STEP = 256


class OpenFile:
    """One open database in WAL mode. To compare its names with what is open takes a few microseconds."""

    def __init__(self, path: Path, connection: aiosqlite.Connection) -> None:
        self.path = path
        self._connection = connection
        self._log = beside(path, LOG)
        # Closing another kind of descriptor would drop the locks that SQLite holds.
        self._descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        self._file_opened, self._log_opened = _identity(path), _identity(self._log)

    @property
    def saved_path(self) -> Path:
        """Where ``save`` puts a copy."""
        return self.path.with_name(f"{self.path.name}{SAVED}")

    def loss(self) -> str | None:
        """Return what has become of the file, or None if its names lead to what is open."""
        file, log = _identity(self.path), _identity(self._log)
        self._log_opened = self._log_opened or log
        if (file, log) == (self._file_opened, self._log_opened):
            return None
        if not self.path.parent.exists():
            return "was moved or removed with its folder"
        if file is None:
            return "was removed"
        return "was replaced" if file != self._file_opened else "has lost its write-ahead log, which was removed"

    def check(self) -> None:
        """Raise ``sqlite3.OperationalError`` if what is written to the file would not be where its name leads."""
        if (loss := self.loss()) is not None:
            raise sqlite3.OperationalError(f"{self.path} {loss} while the service was running")

    async def save(self) -> bool:
        """Make durable, under a name, what the open file holds; return whether that was needed and is done.

        A file that was moved with its folder is safe where it is. Nobody may be writing to the file.
        """
        if _identity(self.path) == self._file_opened:
            return await self._empty_log()
        folder = self.path.parent
        if not folder.exists():
            if os.fstat(self._descriptor).st_nlink:
                return False
            folder.mkdir(mode=0o700, parents=True)
            sync_folder(folder.parent)
        await self._copy(self.saved_path)
        # SQLite leaves the log of a file that was moved, and would take it for that of the file in its place.
        return await self._empty_log()

    def close(self) -> None:
        """Stop watching."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    async def _empty_log(self) -> bool:
        """Move what the write-ahead log holds into the open file; return whether no reader was in the way."""
        ((busy, *_),) = await self._connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
        return not busy

    async def _copy(self, target: Path) -> None:
        unfinished = self.path.with_name(f"{self.path.name}{UNFINISHED}")
        unfinished.unlink(missing_ok=True)
        with closing(sqlite3.connect(unfinished, isolation_level=None, check_same_thread=False)) as copy:
            copy.execute("PRAGMA synchronous = OFF")
            await self._connection.backup(copy, pages=_PAGES_PER_STEP)
            # It is copied as it is: a database that has a write-ahead log.
            copy.execute("PRAGMA journal_mode = DELETE")
        await asyncio.to_thread(sync_file, unfinished)
        unfinished.rename(target)
        sync_folder(target.parent)


async def watch(path: Path, connection: aiosqlite.Connection) -> OpenFile:
    """Watch a database that was just opened; if that fails, close it."""
    try:
        return OpenFile(path, connection)
    except BaseException:
        await connection.close()
        raise


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - half the time of Path.stat
    except OSError:
        return None
    return status.st_dev, status.st_ino
