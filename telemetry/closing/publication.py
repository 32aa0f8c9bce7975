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
from telemetry.published.series import SERIES
from telemetry.published.windows import Period
from telemetry.storage.directory.own_files import unfinished_publication
from telemetry.storage.sqlite.database_files import immutable_uri
from telemetry.storage.sqlite.queries import query
from telemetry.storage.sqlite.syncing import sync_file, sync_folder

PUBLISHED_MODE = 0o400
PUBLIC_FORMAT = "1"
# The tables of a period, each with how many columns its key has.
_KEYS = {
    period: {
        table: columns
        for series in SERIES
        if series.period is period
        for table, columns in (
            (series.name, 1 + len(series.levels)),
            *([(series.details.table, 1 + len(series.levels) + len(series.details.columns))] if series.details else []),
        )
    }
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
    for period, tables in _KEYS.items():
        for table, columns in tables.items():
            order = ", ".join(map(str, range(1, columns + 1)))
            connection.execute(query("merge_public_rows").format(table=table, order=order), (period,))


def rows_digest(connection: sqlite3.Connection, period: Period, start: str) -> str:
    """Return the SHA-256 of a window's public rows, as JSON lines in the order of their keys."""
    hashed = hashlib.sha256()
    for line in _lines(connection, period, start):
        hashed.update(line + b"\n")
    return hashed.hexdigest()


def _lines(connection: sqlite3.Connection, period: Period, start: str) -> Iterator[bytes]:
    for table, columns in _KEYS[period].items():
        order = ", ".join(map(str, range(1, columns + 1)))
        sql = f"SELECT * FROM {table} WHERE window_start = ? ORDER BY {order}"
        rows: Iterable[tuple[Any, ...]] = connection.execute(sql, (start,))
        yield from (msgspec.json.encode([table, *row]) for row in rows)
