"""Ridding a database file of what was deleted from it.

Deleting overwrites a row, but pages that were split earlier may keep a copy of it where they are unused, and the
write-ahead log keeps pages as they were.
"""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

import aiosqlite

from telemetry.errors import LockHeldError
from telemetry.storage import searching
from telemetry.storage.database import LOCK_WAIT_S

_READER_TRIES = 30
_READER_PAUSE_S = 1.0


class Writer(Protocol):
    """The one writer of a file."""

    async def empty_log(self) -> bool:
        """Cut off the write-ahead log; return whether no reader was in the way."""

    async def write_anew(self) -> None:
        """Write the file anew, without anything that was deleted."""


async def scrub(path: Path, writer: Callable[[], AbstractAsyncContextManager[Writer]], text: str | None) -> None:
    """Empty the write-ahead log of a file, and write the file anew if it holds a deleted text, or if nobody knows it.

    The writer is held only for as long as it writes. Raises ``LockHeldError`` if a reader stays in the way.
    """
    await _empty_patiently(path, writer)
    # Looked for while others write: it may be a large file, and nobody adds what is looked for.
    if text is None or await _contains(path, text):
        async with writer() as file:
            await file.write_anew()
        await _empty_patiently(path, writer)


async def empty_log(connection: aiosqlite.Connection) -> bool:
    """Move the write-ahead log into the database and cut it off; return whether no reader was in the way."""
    # Whoever waits for this connection must not wait for a reader too.
    await _wait_for_others(connection, 0)
    try:
        ((busy, _, _),) = await connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        await _wait_for_others(connection, round(LOCK_WAIT_S * 1_000))
    return not busy


async def _wait_for_others(connection: aiosqlite.Connection, milliseconds: int) -> None:
    # It returns a row: nothing can be written anew while a statement has one that was not fetched.
    await connection.execute_fetchall(f"PRAGMA busy_timeout = {milliseconds}")


async def _empty_patiently(path: Path, writer: Callable[[], AbstractAsyncContextManager[Writer]]) -> None:
    for _ in range(_READER_TRIES):
        async with writer() as file:
            if await file.empty_log():
                return
        await asyncio.sleep(_READER_PAUSE_S)
    raise LockHeldError(f"a program that reads {path} is in the way: end it, and do this again")


async def _contains(path: Path, text: str) -> bool:
    arguments = ["-m", searching.__name__, str(path), str(os.getpid())]
    # In a session of its own, so that Ctrl-C reaches the service alone.
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdin=PIPE, stdout=PIPE, start_new_session=True
    )
    output, _ = await process.communicate(text.encode())
    if output not in (searching.FOUND, searching.NOT_FOUND):
        raise LockHeldError(f"{path} could not be looked through: find the cause in the log, and do this again")
    return output == searching.FOUND
