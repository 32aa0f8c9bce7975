"""The file of public numbers: written from scratch each time, so that the same numbers are the same bytes."""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import msgspec

from telemetry.published.closings import Closing
from telemetry.published.promise import promise
from telemetry.published.reading import published_columns
from telemetry.published.series import SERIES
from telemetry.published.windows import Period
from telemetry.storage.directory.own_files import unfinished_publication
from telemetry.storage.sqlite.database_files import immutable_uri
from telemetry.storage.sqlite.queries import query
from telemetry.storage.sqlite.syncing import sync_file, sync_folder

PUBLISHED_MODE = 0o400
PUBLIC_FORMAT = "1"
# The tables of a period, each with the columns of its key and all of its columns.
_TABLES = {
    period: {table: columns for series in SERIES if series.period is period for table, columns in series.tables.items()}
    for period in Period
}


class Draft:
    """The rows of windows that are being closed, in a database of their own."""

    def __init__(self, connection: sqlite3.Connection, threshold: int) -> None:
        self._connection = connection
        self._threshold = threshold
        connection.executescript(query("published"))

    def add_window(self, closing: Closing) -> None:
        """Add a window whose rows have been inserted."""
        row = (closing.period, closing.start, closing.window.last_day, self._threshold, closing.generation)
        self.insert("windows", row)

    def insert(self, table: str, row: tuple[Any, ...]) -> None:
        """Add a row."""
        self._connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)

    def finish(self) -> None:
        """Have all rows in the file."""
        self._connection.commit()


def publish(draft: Path, published: Path, threshold: int) -> None:
    """Put a file with the rows of the published one and those of a draft in its place, durably.

    A published window stays what it is: the draft has another only if its generation is greater. Windows that were made
    with a lower threshold go.
    """
    new = unfinished_publication(published)
    with suppress(FileNotFoundError):
        new.unlink()
    with closing(sqlite3.connect(new.absolute().as_uri(), uri=True, isolation_level=None)) as connection:
        connection.execute("PRAGMA page_size = 4096")
        # Nobody reads the file before it has its name, and after a crash it is made again.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("ATTACH ? AS draft", (immutable_uri(draft),))
        # What is published for the first time has nothing to keep: the draft then stands for it.
        connection.execute("ATTACH ? AS old", (immutable_uri(published if published.exists() else draft),))
        connection.executescript(f"BEGIN;\n{query('published')}")
        _fill(connection, threshold)
        connection.execute("COMMIT")
    new.chmod(PUBLISHED_MODE)
    sync_file(new)
    new.replace(published)
    sync_folder(published.parent)


def _fill(connection: sqlite3.Connection, threshold: int) -> None:
    about = {"format": PUBLIC_FORMAT, "promise": promise()}
    connection.executemany("INSERT INTO main.about VALUES (?, ?)", sorted(about.items()))
    series = sorted((one.name, one.period, one.meaning) for one in SERIES)
    connection.executemany("INSERT INTO main.series VALUES (?, ?, ?)", series)
    connection.execute(query("keep_public_windows"), (threshold,))
    connection.execute(query("merge_public_windows"))
    for period, tables in _TABLES.items():
        for table, (key, columns) in tables.items():
            connection.execute(_merging(connection, table, key, columns), (period,))


def _merging(connection: sqlite3.Connection, table: str, key: tuple[str, ...], columns: tuple[str, ...]) -> str:
    there = published_columns(connection, table, "old")
    listed = ", ".join(name if name in there or not there else "NULL" for name in columns)
    # An older version may have published without the table. The new one has no rows yet.
    source = "old" if there else "main"
    order = ", ".join(map(str, range(1, len(key) + 1)))
    return query("merge_public_rows").format(table=table, source=source, columns=listed, order=order)


def rows_digest(connection: sqlite3.Connection, period: Period, start: str) -> str:
    """Return the SHA-256 of a window's public rows, as JSON lines in the order of their keys."""
    hashed = hashlib.sha256()
    for line in _lines(connection, period, start):
        hashed.update(line + b"\n")
    return hashed.hexdigest()


def _lines(connection: sqlite3.Connection, period: Period, start: str) -> Iterator[bytes]:
    for table, (key, _) in _TABLES[period].items():
        order = ", ".join(key)
        sql = f"SELECT * FROM {table} WHERE window_start = ? ORDER BY {order}"
        rows: Iterable[tuple[Any, ...]] = connection.execute(sql, (start,))
        yield from (msgspec.json.encode([table, *row]) for row in rows)
