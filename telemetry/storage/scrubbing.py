"""Ridding a database file of what was deleted from it."""

import asyncio
import mmap
from pathlib import Path

import aiosqlite

from telemetry.errors import LockHeldError

# A reader that never ends keeps old pages in the write-ahead log.
_READER_TRIES = 30
_READER_PAUSE_S = 1.0


async def scrub(connection: aiosqlite.Connection, path: Path, text: str) -> None:
    """Empty the write-ahead log of a database, and see that the file does not hold a text that was deleted.

    Deleting overwrites a row, but pages that were split earlier may keep a copy of it where they are unused: then the
    file is written anew. Raises ``LockHeldError`` if a reader stays in the way.
    """
    await empty_log(connection, path)
    if await asyncio.to_thread(_contains, path, text.encode()):
        await write_anew(connection, path)


async def write_anew(connection: aiosqlite.Connection, path: Path) -> None:
    """Write a database anew, without anything that was deleted from it; raise ``LockHeldError`` as ``scrub`` does."""
    await connection.execute("VACUUM")
    await empty_log(connection, path)


async def empty_log(connection: aiosqlite.Connection, path: Path) -> None:
    """Move the write-ahead log into the database and cut it off; raise ``LockHeldError`` as ``scrub`` does."""
    for _ in range(_READER_TRIES):
        ((busy, _, _),) = await connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
        if not busy:
            return
        await asyncio.sleep(_READER_PAUSE_S)
    raise LockHeldError(f"a program that reads {path} is in the way: end it, and do this again")


def _contains(path: Path, text: bytes) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(text) >= 0
