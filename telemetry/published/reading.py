"""Reading ``published.db``: typed rows for pages, the read API, charts and the data set.

The file is replaced as a whole and never written to, so readers take no locks. An older version may have written it: a
table that it does not have has no rows, and a column that it does not have is NULL.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from telemetry.published.series import SERIES, Series
from telemetry.published.windows import Period
from telemetry.storage.sqlite.database_files import read_only_uri
from telemetry.storage.sqlite.queries import query

_FIRST, _LAST = "0000", "9999"
_ALL = -1
_ANY_LABELS: Mapping[str, str] = {}
_PROMISE = "SELECT value FROM about WHERE name = 'promise'"
_BY_NAME = {series.name: series for series in SERIES}


class ClosedWindow(NamedTuple):
    """A window whose numbers are published, or were withheld because too few installations were there."""

    period: Period
    start: str
    last_day: str
    threshold: int
    generation: int


class Number(NamedTuple):
    """A leaf of a series in a window. ``key`` has a label for each level of the series.

    ``installations`` is a lower bound under ``other``. ``amounts`` are None there, unless the series is additive.
    """

    start: str
    key: tuple[str, ...]
    installations: int
    amounts: Mapping[str, float | None]


class Detail(NamedTuple):
    """An amount of a leaf under a further label: a bucket of durations, or kind and label of a share."""

    start: str
    key: tuple[str, ...]
    label: tuple[str | int, ...]
    value: float


class PublicNumbers:
    """What one publication holds."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._columns: dict[str, frozenset[str]] = {}

    def windows(self, period: Period) -> list[ClosedWindow]:
        """Return the windows of a length that were closed, oldest first."""
        sql = "SELECT * FROM windows WHERE period = ? ORDER BY window_start"
        return [ClosedWindow(Period(row[0]), *row[1:]) for row in self._connection.execute(sql, (period,))]

    def complete_up_to(self) -> str | None:
        """Return the last day that was closed, or None if none was."""
        sql = "SELECT max(window_start) FROM windows WHERE period = 'day'"
        ((day,),) = self._connection.execute(sql)
        return None if day is None else str(day)

    def promise(self) -> str:
        """Return what the file promises of its numbers; nothing if there is no file."""
        return next((str(text) for (text,) in self._connection.execute(_PROMISE)), "")

    def numbers(
        self,
        name: str,
        first: str = _FIRST,
        last: str = _LAST,
        labels: Mapping[str, str] = _ANY_LABELS,
        *,
        limit: int = _ALL,
        offset: int = 0,
    ) -> Iterator[Number]:
        """Return the rows of a series whose windows begin between two days, ordered by window and key.

        ``labels`` are those that rows must have, by level.
        """
        series = _BY_NAME[name]
        levels = len(series.levels)
        for row in self._rows(series.name, series, _Part(first, last, labels, limit, offset)):
            start, *key = row[: levels + 1]
            amounts = dict(zip(series.amounts, row[levels + 2 :], strict=True))
            yield Number(start, tuple(key), row[levels + 1], amounts)

    def details(
        self,
        name: str,
        first: str = _FIRST,
        last: str = _LAST,
        labels: Mapping[str, str] = _ANY_LABELS,
        *,
        between: tuple[tuple[str, ...], tuple[str, ...]] | None = None,
    ) -> Iterator[Detail]:
        """Return the amounts by further labels of a series that has them, ordered by window, key and label.

        ``between`` are the first and the last key that are wanted.
        """
        series = _BY_NAME[name]
        levels = len(series.levels)
        if series.details is not None:
            for row in self._rows(series.details.table, series, _Part(first, last, labels, between=between)):
                yield Detail(row[0], tuple(row[1 : levels + 1]), tuple(row[levels + 1 : -1]), row[-1])

    def _rows(self, table: str, series: Series, part: "_Part") -> Iterator[tuple[Any, ...]]:
        key, columns = series.tables[table]
        there = self._columns_of(table)
        if not there:
            return iter(())
        listed = ", ".join(name if name in there else "NULL" for name in columns)
        conditions, values = part.conditions(series)
        sql = f"SELECT {listed} FROM {table} WHERE {conditions} ORDER BY {', '.join(key)} LIMIT ? OFFSET ?"
        return iter(self._connection.execute(sql, (*values, part.limit, part.offset)))

    def _columns_of(self, table: str) -> frozenset[str]:
        if table not in self._columns:
            self._columns[table] = published_columns(self._connection, table)
        return self._columns[table]


class _Part(NamedTuple):
    """Which rows of a table are wanted."""

    first: str
    last: str
    labels: Mapping[str, str]
    limit: int = _ALL
    offset: int = 0
    between: tuple[tuple[str, ...], tuple[str, ...]] | None = None

    def conditions(self, series: Series) -> tuple[str, list[str]]:
        """Return the condition of a query, and its parameters."""
        found, values = ["window_start BETWEEN ? AND ?"], [self.first, self.last]
        for level in series.levels:
            if level in self.labels:
                found.append(f"{level} = ?")
                values.append(self.labels[level])
        if self.between is not None:
            key, places = ", ".join(series.levels), ", ".join("?" * len(series.levels))
            found.append(f"({key}) BETWEEN ({places}) AND ({places})")
            values += [*self.between[0], *self.between[1]]
        return " AND ".join(found), values


def published_columns(connection: sqlite3.Connection, table: str, schema: str = "main") -> frozenset[str]:
    """Return the columns that a table has in a file of public numbers; none if it has no such table."""
    return frozenset(str(row[1]) for row in connection.execute(f"PRAGMA {schema}.table_info({table})"))


@contextmanager
def reading_published(path: Path) -> Iterator[PublicNumbers | None]:
    """Open the published numbers until the end of the block; None if nothing has been published yet."""
    try:
        connection = sqlite3.connect(read_only_uri(path), uri=True)
    except sqlite3.OperationalError:
        if path.exists():
            raise
        yield None
        return
    with closing(connection):
        yield PublicNumbers(connection)


@contextmanager
def no_numbers() -> Iterator[PublicNumbers]:
    """Open numbers of which there are none, for readers of what has not been published yet."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(query("published"))
        yield PublicNumbers(connection)
