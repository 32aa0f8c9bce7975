"""Ridding a database file of what was deleted from it.

Deleting overwrites a row, but pages that were split earlier may keep a copy of it where they are unused, and the
write-ahead log keeps pages as they were.
"""

import asyncio
import os
import sqlite3
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol

import aiosqlite

from telemetry.operator_errors import InUseError, StoppedError, StorageFailedError
from telemetry.storage.sqlite import searching
from telemetry.storage.sqlite.database import LOCK_WAIT_S
from telemetry.storage.sqlite.errors import primary_code

# Some ten milliseconds' worth of SQLite's work, after which it asks whether to stop.
INSTRUCTIONS_PER_LOOK = 100_000
STOPPED = "erasing was stopped: it is finished at the next start"
_READER_TRIES = 30
_READER_PAUSE_S = 1.0


class Writer(Protocol):
    """The one writer of a file."""

    async def empty_log(self) -> bool:
        """Cut off the write-ahead log; return whether no reader was in the way."""

    async def write_anew(self, stop: asyncio.Event) -> None:
        """Rewrite the file without anything that was deleted; raise ``StoppedError`` when stopped."""


async def scrub(
    path: Path, writer: Callable[[], AbstractAsyncContextManager[Writer]], texts: Collection[str], stop: asyncio.Event
) -> None:
    """Empty the write-ahead log of a file, and write the file anew if it holds a deleted text, or if nobody knows any.

    The writer is held only for as long as it writes. Raises ``InUseError`` if a reader stays in the way, and
    ``StoppedError`` soon after ``stop`` is set; then it can be done again.
    """
    await _empty_patiently(path, writer, stop)
    # Looked for while others write: it may be a large file, and nobody adds what is looked for.
    if not texts or await _contains(path, texts, stop):
        async with writer() as file:
            await file.write_anew(stop)
        await _empty_patiently(path, writer, stop)


async def empty_log(connection: aiosqlite.Connection) -> bool:
    """Move the write-ahead log into the database and cut it off; return whether no reader was in the way."""
    # Whoever waits for this connection must not wait for a reader too.
    await _wait_for_others(connection, 0)
    try:
        ((busy, _, _),) = await connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        await _wait_for_others(connection, round(LOCK_WAIT_S * 1_000))
    return not busy


async def write_anew(connection: aiosqlite.Connection, stop: asyncio.Event) -> None:
    """Write a database anew, without anything that was deleted; ``StoppedError`` leaves it as it was."""
    await connection.set_progress_handler(stop.is_set, INSTRUCTIONS_PER_LOOK)
    try:
        with telling_stop(stop):
            await connection.execute("VACUUM")
    finally:
        await connection.set_progress_handler(None, 0)  # type: ignore[arg-type]


@contextmanager
def telling_stop(stop: asyncio.Event) -> Iterator[None]:
    """Raise ``StoppedError`` for the statement that a stop has interrupted."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if stop.is_set() and primary_code(error) == sqlite3.SQLITE_INTERRUPT:
            raise StoppedError(STOPPED) from error
        raise


def check_stop(stop: asyncio.Event) -> None:
    """Raise ``StoppedError`` if a stop was asked for."""
    if stop.is_set():
        raise StoppedError(STOPPED)


async def _wait_for_others(connection: aiosqlite.Connection, milliseconds: int) -> None:
    # It returns a row: nothing can be written anew while a statement has one that was not fetched.
    await connection.execute_fetchall(f"PRAGMA busy_timeout = {milliseconds}")


async def _empty_patiently(
    path: Path, writer: Callable[[], AbstractAsyncContextManager[Writer]], stop: asyncio.Event
) -> None:
    for _ in range(_READER_TRIES):
        check_stop(stop)
        async with writer() as file:
            if await file.empty_log():
                return
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _READER_PAUSE_S)
    raise InUseError(f"a program that reads {path} is in the way: end it, and do this again")


async def _contains(path: Path, texts: Collection[str], stop: asyncio.Event) -> bool:
    arguments = ["-m", searching.__name__, str(path), str(os.getpid())]
    # In a session of its own, so that Ctrl-C reaches the service alone.
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdin=PIPE, stdout=PIPE, start_new_session=True
    )
    sought = "\n".join(texts).encode()
    looking, stopping = asyncio.create_task(process.communicate(sought)), asyncio.create_task(stop.wait())
    await asyncio.wait([looking, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not looking.done():
        process.kill()
    output, _ = await looking
    check_stop(stop)
    if output not in (searching.FOUND, searching.NOT_FOUND):
        raise StorageFailedError(f"{path} could not be looked through: find the cause in the log, and do this again")
    return output == searching.FOUND
