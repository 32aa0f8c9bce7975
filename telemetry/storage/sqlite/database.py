"""Opening SQLite files the one way this service writes them."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Literal

import aiosqlite

from telemetry.storage.sqlite.database_files import read_only_uri
from telemetry.storage.sqlite.errors import telling_damage
from telemetry.storage.sqlite.migrations import check_version, migrate
from telemetry.storage.sqlite.proving import ProvingConnection

Synchronous = Literal["FULL", "NORMAL"]
DatabaseKind = Literal["aggregates", "segment"]

# ``->>`` came with 3.38; JSON functions are built in since then.
SQLITE_VERSION_MIN = (3, 38, 0)
# Fixed in 3.51.3: two connections that write and checkpoint one WAL at the same moment can lose a transaction.
WAL_RESET_RACE = ((3, 7, 0), (3, 51, 2))

# Another process may hold the write lock this long before a group is refused; clients wait 5 s for their answer.
LOCK_WAIT_S = 4.0
# Segments are appended to, which fills large pages. A flush changes scattered rows and writes a whole page for each.
PAGE_BYTES: Mapping[DatabaseKind, int] = {"segment": 16_384, "aggregates": 4_096}
# The size of a write-ahead log at which it is checkpointed.
CHECKPOINT_BYTES = 32_768_000
# A write-ahead log that a reader made grow is cut back to this once the reader is gone.
WAL_BYTES_KEPT = CHECKPOINT_BYTES * 5 // 4


def wal_reset_warning(folder: Path, version: tuple[int, ...] = sqlite3.sqlite_version_info) -> str | None:
    """Return what an operator should know of a version of SQLite with the defect, beginning with its number."""
    oldest, newest = WAL_RESET_RACE
    if not oldest <= version <= newest:
        return None
    return (
        f"{'.'.join(map(str, version))} can lose data when two programs write to one file, which the service and its "
        f"commands never do: let no other program write to the files in {folder.resolve()}, or use a Python with "
        "SQLite 3.51.3 or newer (docs/operating.md, SQLite before 3.51.3)"
    )


async def open_database(
    path: Path, kind: DatabaseKind, *, synchronous: Synchronous, witness: Path | None = None
) -> aiosqlite.Connection:
    """Open a database file for its one writer, created and migrated as needed; every statement is its own transaction.

    With a ``witness`` it is a ``ProvingConnection``. Raises ``DamagedError`` if the file is no database or newer
    than this program, ``sqlite3.Error`` otherwise.
    """
    factory = sqlite3.Connection if witness is None else partial(ProvingConnection, witness=witness)
    async with _opening(str(path), path, kind, factory=factory) as connection:
        # This has no effect on an existing database.
        await connection.execute_fetchall(f"PRAGMA page_size = {PAGE_BYTES[kind]}")
        ((page_bytes,),) = await connection.execute_fetchall("PRAGMA page_size")
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            f"wal_autocheckpoint = {CHECKPOINT_BYTES // page_bytes}",
            f"journal_size_limit = {WAL_BYTES_KEPT}",
            # What is deleted is overwritten: nobody who was erased can be read from the file.
            "secure_delete = ON",
        ):
            await connection.execute_fetchall(f"PRAGMA {pragma}")
        await migrate(connection, kind)
        # Only now: a power cut must never leave events beside aggregates that have no tables.
        await connection.execute_fetchall(f"PRAGMA synchronous = {synchronous}")
    return connection


async def open_to_read(path: Path, kind: DatabaseKind) -> aiosqlite.Connection:
    """Open a database file so that nothing can be written to it; raise as ``open_database`` does."""
    async with _opening(read_only_uri(path), path, kind) as connection:
        return connection


@asynccontextmanager
async def transaction(connection: aiosqlite.Connection) -> AsyncIterator[None]:
    """Commit what is done inside, or roll it back. The caller is a task that nothing cancels."""
    await connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        await connection.execute("COMMIT")
    except BaseException:
        # Some errors, a full disk among them, have rolled the transaction back already.
        if connection.in_transaction:
            await connection.execute("ROLLBACK")
        raise


@asynccontextmanager
async def _opening(
    uri: str, path: Path, kind: DatabaseKind, *, factory: Callable[..., sqlite3.Connection] = sqlite3.Connection
) -> AsyncIterator[aiosqlite.Connection]:
    """Connect and, if that or what is done inside fails, close again."""
    connection = await aiosqlite.connect(uri, uri=True, isolation_level=None, timeout=LOCK_WAIT_S, factory=factory)
    try:
        with telling_damage(path):
            await check_version(connection, path, kind)
            yield connection
    except BaseException:
        await connection.close()
        raise
