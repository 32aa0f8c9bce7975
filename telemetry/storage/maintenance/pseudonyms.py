"""Aggregates in which nobody can be found: installations have names there that this process alone can tell."""

import hashlib
import secrets
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from telemetry.counting.deltas import Delta
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.sqlite.copying import PATIENCE_S, Progress, no_progress
from telemetry.storage.sqlite.reading import read_only

_ID_COLUMN = "installation_id"
_HASH_BYTES = 16
# Tables with ids that a recount does not need.
_NAMING = {"erasing"}


class Pseudonyms:
    """Names for installations, by a key that is never written down; the same id has the same name."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def of(self, installation_id: str) -> str:
        """Return the name of an installation."""
        return hashlib.blake2b(installation_id.encode(), key=self._key, digest_size=_HASH_BYTES).hexdigest()

    def applied(self, delta: Delta) -> Delta:
        """Return a delta with names in the place of ids."""
        named = {day: {self.of(each) for each in installations} for day, installations in delta.installations.items()}
        return replace(delta, installations=named)


class PseudonymousAggregates:
    """Takes deltas as ``Aggregates`` do, and writes names instead of ids."""

    def __init__(self, aggregates: Aggregates, pseudonyms: Pseudonyms) -> None:
        self._aggregates = aggregates
        self._pseudonyms = pseudonyms

    async def add(self, delta: Delta) -> None:
        """Add a delta; raise as ``Aggregates.add`` does."""
        await self._aggregates.add(self._pseudonyms.applied(delta))


def copy_pseudonymously(source: Path, target: Path, pseudonyms: Pseudonyms, on_bytes: Progress = no_progress) -> None:
    """Copy aggregates that may be in use as they are at one moment, row by row, with names in the place of ids."""
    with (
        read_only(source, wait_s=PATIENCE_S) as reader,
        closing(sqlite3.connect(target, isolation_level=None)) as writer,
    ):
        reader.execute("BEGIN")
        writer.execute("PRAGMA journal_mode = OFF")
        writer.execute("PRAGMA synchronous = OFF")
        writer.execute("BEGIN")
        schema = reader.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
        tables = [(name, sql) for kind, name, sql in schema if kind == "table" and not name.startswith("sqlite_")]
        for name, sql in tables:
            writer.execute(sql)
            if name not in _NAMING:
                _copy_rows(reader, writer, name, pseudonyms)
        for sql in (sql for kind, _, sql in schema if kind != "table"):
            writer.execute(sql)
        ((version,),) = reader.execute("PRAGMA user_version")
        writer.execute(f"PRAGMA user_version = {version}")
        writer.execute("COMMIT")
        reader.execute("ROLLBACK")
    on_bytes(target.stat().st_size)


def _copy_rows(reader: sqlite3.Connection, writer: sqlite3.Connection, table: str, pseudonyms: Pseudonyms) -> None:
    # The last column tells of those that SQLite computes.
    columns = [str(column[1]) for column in reader.execute(f'PRAGMA table_xinfo("{table}")') if not column[6]]
    rows: Iterable[tuple[Any, ...]] = reader.execute(f'SELECT {", ".join(columns)} FROM "{table}"')
    if _ID_COLUMN in columns:
        place = columns.index(_ID_COLUMN)
        rows = ((*row[:place], pseudonyms.of(row[place]), *row[place + 1 :]) for row in rows)
    marks = ", ".join("?" * len(columns))
    writer.executemany(f'INSERT INTO "{table}" ({", ".join(columns)}) VALUES ({marks})', rows)
