"""Ridding a database file of what was deleted from it.

Deleting overwrites a row, but pages that were split earlier may keep a copy of it where they are unused, and the
write-ahead log keeps pages as they were.
"""

import asyncio
import os
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Protocol

import aiosqlite

from telemetry.operator_errors import InUseError, StoppedError, StorageFailedError
from telemetry.storage.sqlite import searching
from telemetry.storage.sqlite.database import LOCK_WAIT_S, transaction
from telemetry.storage.sqlite.errors import primary_code

# Some ten milliseconds' worth of SQLite's work, after which it asks whether to stop.
INSTRUCTIONS_PER_LOOK = 100_000
STOPPED = "erasing was stopped: it is finished at the next start"
_READER_TRIES = 30
_READER_PAUSE_S = 1.0
# Places overwritten at once: these pages are written and synced in milliseconds, and appends wait for no longer.
_PLACES_PER_TURN = 64
_OVERWRITING_S = 20.0


class Writer(Protocol):
    """The one writer of a file."""

    async def empty_log(self) -> bool:
        """Cut off the write-ahead log; return whether no reader was in the way."""

    async def overwrite_unused(self, overwrite: Callable[[], Awaitable[None]]) -> bool:
        """Await what overwrites unused bytes while nobody writes; return whether no reader was in the way."""


async def scrub(
    path: Path, writer: Callable[[], AbstractAsyncContextManager[Writer]], texts: Collection[str], stop: asyncio.Event
) -> None:
    """Empty the write-ahead log of a file, and overwrite copies of deleted texts that are left in unused bytes.

    Without texts, all unused bytes are overwritten. The writer is held for moments only. Raises ``InUseError`` if a
    reader stays in the way, and ``StoppedError`` soon after ``stop`` is set; the caller can then try again.
    """
    await _patiently(path, writer, lambda file: file.empty_log(), stop)
    # Looked for while others write: it may be a large file, and nobody adds what is looked for.
    places = await _find(path, texts, stop)
    if not places:
        return
    async with _overwriting(path) as process:
        for first in range(0, len(places), _PLACES_PER_TURN):
            some = places[first : first + _PLACES_PER_TURN]
            await _patiently(path, writer, partial(_overwrite_in_turn, partial(_overwrite, path, process, some)), stop)


async def empty_log(connection: aiosqlite.Connection) -> bool:
    """Move the write-ahead log into the database and cut it off; return whether no reader was in the way."""
    # Whoever waits for this connection must not wait for a reader too.
    await _wait_for_others(connection, 0)
    try:
        ((busy, _, _),) = await connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        await _wait_for_others(connection, round(LOCK_WAIT_S * 1_000))
    return not busy


async def overwrite_unused(connection: aiosqlite.Connection, overwrite: Callable[[], Awaitable[None]]) -> bool:
    """Await what overwrites unused bytes of an open file; return whether no reader was in the way."""
    if not await empty_log(connection):
        return False
    # The file now holds all pages. No checkpoint writes to it while nothing is written to the log.
    async with transaction(connection):
        await overwrite()
    # Pages in the cache would be written back as they were.
    await connection.execute("PRAGMA shrink_memory")
    return True


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


async def _patiently(
    path: Path,
    writer: Callable[[], AbstractAsyncContextManager[Writer]],
    do: Callable[[Writer], Awaitable[bool]],
    stop: asyncio.Event,
) -> None:
    for _ in range(_READER_TRIES):
        check_stop(stop)
        async with writer() as file:
            if await do(file):
                return
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _READER_PAUSE_S)
    raise InUseError(f"a program that reads {path} is in the way: end it, and do this again")


async def _find(path: Path, texts: Collection[str], stop: asyncio.Event) -> list[int]:
    process = await _start(searching.LOOKING, path)
    sought = "\n".join(texts).encode()
    looking, stopping = asyncio.create_task(process.communicate(sought)), asyncio.create_task(stop.wait())
    await asyncio.wait([looking, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not looking.done():
        process.kill()
    output, _ = await looking
    check_stop(stop)
    if not output.endswith(searching.ENDED):
        raise StorageFailedError(f"{path} could not be looked through: find the cause in the log, and do this again")
    return list(map(int, output.removesuffix(searching.ENDED).split()))


@asynccontextmanager
async def _overwriting(path: Path) -> AsyncIterator[Process]:
    # Start the process first, so that no writer waits for its start.
    process = await _start(searching.OVERWRITING, path)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _overwrite_in_turn(overwrite: Callable[[], Awaitable[None]], file: Writer) -> bool:
    return await file.overwrite_unused(overwrite)


async def _overwrite(path: Path, process: Process, places: list[int]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(TimeoutError, ConnectionError):
        process.stdin.write(" ".join(map(str, places)).encode() + b"\n")
        await process.stdin.drain()
        if await asyncio.wait_for(process.stdout.readline(), _OVERWRITING_S) == searching.ENDED:
            return
    # The process must not go on once others write.
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()
    raise StorageFailedError(f"{path} could not be overwritten: find the cause in the log, and do this again")


async def _start(mode: str, path: Path) -> Process:
    # In a session of its own, so that Ctrl-C reaches only the service.
    arguments = ["-m", searching.__name__, mode, str(path), str(os.getpid())]
    return await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdin=PIPE, stdout=PIPE, start_new_session=True
    )
