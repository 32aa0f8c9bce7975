"""The aggregates database: daily statistics, signatures, decisions, installations and watermarks, kept for ever."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Self

import aiosqlite
import msgspec

from telemetry.catalogue.logged import catalogue_version
from telemetry.counting.aggregates import COUNTED, DAILY_STATS
from telemetry.counting.declaring import Aggregate
from telemetry.counting.deltas import Delta
from telemetry.counting.names import Name
from telemetry.storage.aggregates.adding import add_counted, add_rows
from telemetry.storage.aggregates.comparison import adopt
from telemetry.storage.aggregates.new_rows import Admission, Unbounded, counted_rows
from telemetry.storage.aggregates.ordering import in_order
from telemetry.storage.aggregates.row_statements import names_statement
from telemetry.storage.sqlite.access import log_bytes
from telemetry.storage.sqlite.database import WAL_BYTES_KEPT, Synchronous, open_database, transaction
from telemetry.storage.sqlite.migrations import schema_version
from telemetry.storage.sqlite.open_file import OpenFile, watch
from telemetry.storage.sqlite.queries import query
from telemetry.storage.sqlite.reading import last_written
from telemetry.storage.sqlite.scrubbing import empty_log, overwrite_unused

# Bounds the JSON text of one statement to about a megabyte, and how long making it keeps other threads waiting.
_INSTALLATIONS_PER_STATEMENT = 20_000

_encode = msgspec.json.Encoder().encode


class Aggregates:
    """The only writer of ``telemetry.db``. ``changes`` grows with every transaction that committed.

    Hold ``rearranging`` while taking counts out or moving them between rows: an erasure must subtract from the rows in
    which it found its counts. ``written_at`` is when the file was last written before it was opened, in Unix seconds.
    """

    def __init__(
        self, connection: aiosqlite.Connection, file: OpenFile, written_at: float, admission: Admission
    ) -> None:
        self.changes = 0
        self.written_at = written_at
        self.file = file
        self._connection = connection
        self._admission = admission
        self.rearranging = asyncio.Lock()
        self._changing = asyncio.Lock()

    @classmethod
    async def open(cls, path: Path, *, synchronous: Synchronous, admission: Admission | None = None) -> Self:
        """Open or create the database; without an ``admission`` the number of new rows has no bound."""
        written_at = last_written(path) / 1e9
        connection = await open_database(path, "aggregates", synchronous=synchronous)
        # This alone is in memory: if all that is temporary were, to write the file anew would take as much as it holds.
        await connection.execute("ATTACH ':memory:' AS flushing")
        await connection.execute(query("create_changed_installations"))
        return cls(connection, await watch(path, connection), written_at, admission or Unbounded())

    @asynccontextmanager
    async def change(
        self, prepare: Callable[[], Awaitable[None]] | None = None, *, in_memory: bool = False, **attached: Path
    ) -> AsyncIterator[aiosqlite.Connection]:
        """Commit what is done inside, or roll it back; one task at a time, which nothing cancels.

        ``prepare`` is awaited once no other task can change anything. Other databases can be attached by name. With
        ``in_memory``, the pages that a statement changes are kept in memory for its rollback.
        """
        async with self._changing:
            if prepare is not None:
                await prepare()
            self.file.check()
            async with self._attached(attached), self._temporary(in_memory), transaction(self._connection):
                yield self._connection
                await self._connection.execute("UPDATE state SET revision = revision + 1")
            self.changes += 1

    async def add(self, delta: Delta) -> None:
        """Add a delta and advance the watermarks in one transaction; raise ``sqlite3.Error`` with nothing changed."""
        async with self.change(in_memory=True):
            daily = [(day, metric, value) for day, metrics in delta.daily.items() for metric, value in metrics.items()]
            await add_rows(self._connection, DAILY_STATS, daily)
            for aggregate in COUNTED:
                counted = delta.rows[aggregate.table]
                rows = await counted_rows(self._connection, aggregate, counted, self._admission)
                await add_counted(self._connection, aggregate, rows)
            for day in sorted(delta.installations):
                await self._add_installations(day, delta.installations[day])
            watermarks = _encode(delta.watermarks).decode()
            await self._connection.execute(query("note_catalogue_version"), (watermarks, catalogue_version()))
            await self._connection.execute(query("advance_watermarks"), (watermarks,))
        await self._cut_log()

    async def empty_log(self) -> bool:
        """Cut off the write-ahead log, with whatever was deleted; return whether no reader was in the way."""
        async with self._changing:
            return await empty_log(self._connection)

    async def overwrite_unused(self, overwrite: Callable[[], Awaitable[None]]) -> bool:
        """Await what overwrites unused bytes of the file; return whether no reader was in the way."""
        async with self._changing:
            return await overwrite_unused(self._connection, overwrite)

    async def adopt(self, expected: Path) -> None:
        """Make the aggregates what a recount says, in one transaction; watermarks stay as they are."""
        await adopt(self._connection, expected)

    async def take_over(self, stats: Mapping[str, Mapping[str, int]]) -> None:
        """Replace what ``daily_stats`` has of other programs' counts on some days, in one transaction."""
        async with self.change():
            for day, metrics in stats.items():
                parameters = (day, _encode(metrics).decode())
                await self._connection.execute(query("change_imported_stats"), parameters)
                await self._connection.execute("DELETE FROM imported_stats WHERE date = ?", (day,))
                await self._connection.execute(query("add_to_imported_stats"), parameters)

    async def correct_unique_installations(self, day: str, counted: int) -> None:
        """Set what was counted from the segment of a day; what was taken over without raw events adds to it."""
        async with self.change():
            await self._connection.execute(query("correct_unique_installations"), (day, counted))

    async def read(self, sql: str, parameters: Sequence[object] = ()) -> list[aiosqlite.Row]:
        """Return the rows of a query."""
        return list(await self._connection.execute_fetchall(sql, parameters))

    async def metrics(self, day: str) -> list[str]:
        """Return the names of the metrics that have a value on ``day``."""
        found = await self.read("SELECT metric FROM daily_stats WHERE date = ?", (day,))
        return [str(row[0]) for row in found]

    async def known_installations(self, ids: Iterable[str], today: str, others_min: int) -> set[str]:
        """Return which of the ids are those of installations, unless anybody could have made them up ``today``.

        Installations that were first seen today count while fewer than ``others_min`` were last seen on other days.
        """
        parameters = (_encode(list(ids)).decode(), today, others_min)
        found = await self.read(query("find_known_installations"), parameters)
        return {str(row[0]) for row in found}

    async def names(self, aggregate: Aggregate) -> list[Name]:
        """Return the names that have rows of their own in a bounded aggregate."""
        return [tuple(row) for row in await self.read(names_statement(aggregate))]

    async def prove_alive(self) -> None:
        """Return when the thread that writes has answered, be it with an error; never while it hangs."""
        with suppress(sqlite3.Error):
            await self.read("SELECT 1")

    async def schema_version(self) -> int:
        """Return the version that the file was migrated to."""
        return await schema_version(self._connection)

    async def close(self) -> None:
        """Close the file; the object must not be used afterwards."""
        self.file.close()
        await self._connection.close()

    async def save(self, file: OpenFile) -> bool:
        """Save what the open file holds, while nobody changes it."""
        async with self._changing:
            return await file.save()

    @asynccontextmanager
    async def _attached(self, others: Mapping[str, Path]) -> AsyncIterator[None]:
        for name, path in others.items():
            await self._connection.execute(f"ATTACH ? AS {name}", (str(path),))
        try:
            yield
        finally:
            for name in others:
                await self._connection.execute(f"DETACH {name}")

    @asynccontextmanager
    async def _temporary(self, in_memory: bool) -> AsyncIterator[None]:
        if in_memory:
            await self._connection.execute_fetchall("PRAGMA temp_store = MEMORY")
        try:
            yield
        finally:
            # Not in memory from here on: a VACUUM needs as much temporary room as the file has.
            if in_memory:
                await self._connection.execute_fetchall("PRAGMA temp_store = DEFAULT")

    async def _cut_log(self) -> None:
        """Truncate the write-ahead log after a large flush, unless a reader is in the way."""
        # The flush is already stored: a failure here loses nothing.
        with suppress(sqlite3.Error):
            if (log_bytes(self.file.path) or 0) > WAL_BYTES_KEPT:
                await self.empty_log()

    async def _add_installations(self, day: str, installations: Collection[str]) -> None:
        for chunk in in_order(installations, _INSTALLATIONS_PER_STATEMENT):
            await self._connection.execute(query("find_changed_installations"), (day, _encode(chunk).decode()))
            for name in ("count_unique_installations", "count_new_installations", "add_installations"):
                await self._connection.execute(query(name), (day,))
            await self._connection.execute("DELETE FROM changed_installations")
