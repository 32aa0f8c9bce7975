"""One day's segment of the event log: a database file with the raw events received that UTC day."""

import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Self, cast

import aiosqlite
from msgspec.structs import astuple

from telemetry.catalogue.installations import PLACEHOLDERS_JSON
from telemetry.catalogue.rows import Row
from telemetry.operator_errors import DamagedError
from telemetry.storage.sqlite.database import Synchronous, open_database, open_to_read, transaction
from telemetry.storage.sqlite.errors import damage_sentence, telling_damage
from telemetry.storage.sqlite.many_rows import many_rows
from telemetry.storage.sqlite.migrations import schema_version
from telemetry.storage.sqlite.open_file import OpenFile, watch
from telemetry.storage.sqlite.queries import query
from telemetry.storage.sqlite.scrubbing import empty_log, overwrite_unused

# Bounds the values of one statement, of which SQLite takes 32,766 unless it is built for more, and its compilation.
ROWS_PER_STATEMENT_MAX = 1_024


# An event's id, when it was received, and the columns of ``rows.digest_of``: a plain tuple, for millions are read.
Identity = tuple[Any, ...]


class StoredEvent(NamedTuple):
    """A row of the log."""

    id: int
    received_at: str
    row: Row


class Segment:
    """The open segment of one day. It is the only writer of its file, if it is not sealed; ids only grow."""

    def __init__(self, path: Path, connection: aiosqlite.Connection) -> None:
        self.day = path.stem
        # A sealed segment that is read is not watched: nothing is stored there.
        self.file: OpenFile | None = None
        self._path = path
        self._connection = connection

    @classmethod
    async def open(cls, path: Path, *, synchronous: Synchronous, witness: Path) -> Self:
        """Open or create the segment whose file is named after its day; see ``ProvingConnection`` for the witness."""
        segment = cls(path, await open_database(path, "segment", synchronous=synchronous, witness=witness))
        segment.file = await watch(path, segment._connection)
        return segment

    @classmethod
    async def open_sealed(cls, path: Path) -> Self:
        """Open a segment that is not written any more, for reading."""
        return cls(path, await open_to_read(path, "segment"))

    async def append(self, rows: list[Row], received_at: str) -> range:
        """Store rows durably, all or none, and return their ids.

        Raises ``sqlite3.OperationalError`` if the file is not in its place any more.
        """
        self._check_file()
        if len(rows) <= ROWS_PER_STATEMENT_MAX:
            first = await self._insert(rows, received_at)
        else:
            async with transaction(self._connection):
                chunks = (rows[at : at + ROWS_PER_STATEMENT_MAX] for at in range(0, len(rows), ROWS_PER_STATEMENT_MAX))
                first, *_ = [await self._insert(chunk, received_at) for chunk in chunks]
        return range(first, first + len(rows))

    async def take_over(self, staged: Path) -> None:
        """Append the rows that a database of staged events has for this day, durably, all or none."""
        await self._connection.execute("ATTACH ? AS staged", (str(staged),))
        try:
            async with transaction(self._connection):
                await self._connection.execute(query("take_over_events"), (self.day,))
        finally:
            await self._connection.execute("DETACH staged")

    async def erase(self, ids: list[int]) -> None:
        """Delete events, so that their bytes are overwritten."""
        async with transaction(self._connection):
            await self._connection.execute(
                "DELETE FROM events WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(ids),)
            )

    async def empty_log(self) -> bool:
        """Cut off the write-ahead log, with whatever was deleted; return whether no reader was in the way."""
        return await empty_log(self._connection)

    async def overwrite_unused(self, overwrite: Callable[[], Awaitable[None]]) -> bool:
        """Await what overwrites unused bytes of the file; return whether no reader was in the way."""
        return await overwrite_unused(self._connection, overwrite)

    async def installations(self) -> int:
        """Return how many installations the events come from."""
        ((counted,),) = await self._connection.execute_fetchall(query("count_installations"), (PLACEHOLDERS_JSON,))
        return int(counted)

    async def probe(self) -> None:
        """Prove by a durable write that events can be stored; raise ``sqlite3.Error`` if not."""
        self._check_file()
        await self.skip_to(await self.last_id())

    async def last_id(self) -> int:
        """Return the highest id ever given out, or 0."""
        sequence = await self._connection.execute_fetchall("SELECT seq FROM sqlite_sequence WHERE name = 'events'")
        return max((int(row[0]) for row in sequence), default=0)

    async def skip_to(self, last_id: int) -> None:
        """Give out only ids above ``last_id`` from now on."""
        async with transaction(self._connection):
            await self._connection.execute("DELETE FROM sqlite_sequence WHERE name = 'events'")
            await self._connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?)", (last_id,))

    async def read_after(self, event_id: int, limit: int) -> list[StoredEvent]:
        """Return up to ``limit`` events above ``event_id``, oldest first."""
        found = await self._read("read_events_after", event_id, limit)
        check_order(self._path, [event_id, *(stored.id for stored in found)])
        return found

    async def read_before(self, event_id: int, limit: int) -> list[StoredEvent]:
        """Return up to ``limit`` events below ``event_id``, newest first."""
        found = await self._read("read_events_before", event_id, limit)
        check_order(self._path, [*(stored.id for stored in reversed(found)), event_id])
        return found

    async def read_identities(self, event_id: int, since: str, limit: int) -> list[Identity]:
        """Return what tells up to ``limit`` events above ``event_id`` apart that were received since, oldest first."""
        with telling_damage(self._path):
            rows = await self._connection.execute_fetchall(query("read_identities_after"), (event_id, limit, since))
        found = cast("list[Identity]", rows)
        check_order(self._path, [event_id, *(columns[0] for columns in found)])
        return found

    async def schema_version(self) -> int:
        """Return the version that the file was migrated to."""
        return await schema_version(self._connection)

    async def close(self) -> None:
        """Close the file; the segment must not be used afterwards."""
        if self.file is not None:
            self.file.close()
        await self._connection.close()

    def _check_file(self) -> None:
        if self.file is not None:
            self.file.check()

    async def _insert(self, rows: list[Row], received_at: str) -> int:
        """Insert rows by one statement, which is a transaction if none is open; return the id of the first."""
        inserted = await self._connection.execute_insert(
            *many_rows(query("append_events"), map(astuple, rows), len(rows), received_at)
        )
        assert inserted is not None  # SELECT last_insert_rowid() always has a row.
        return int(inserted[0]) - len(rows) + 1

    async def _read(self, name: str, event_id: int, limit: int) -> list[StoredEvent]:
        with telling_damage(self._path):
            found = await self._connection.execute_fetchall(query(name), (event_id, limit))
        return [stored_event(columns) for columns in found]


def stored_event(columns: Sequence[Any]) -> StoredEvent:
    """Return what one row of ``sql/read_events_after.sql`` and its like stands for."""
    return StoredEvent(columns[0], columns[1], Row(*columns[2:]))


def check_order(path: Path, ids: Iterable[int]) -> None:
    """Raise ``DamagedError`` unless ids ascend: in a damaged file a scan can lead in a circle, and never end."""
    if any(before >= after for before, after in pairwise(ids)):
        raise DamagedError(f"{path} {damage_sentence('ids out of order')}")
