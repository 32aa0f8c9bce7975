"""Reading ``published.db``: typed rows for pages, the read API, charts and the data set.

The file is replaced as a whole and never written to, so a reader waits for nobody.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from telemetry.published.series import SERIES, Series
from telemetry.published.windows import Period
from telemetry.storage.sqlite.database_files import read_only_uri

_FIRST, _LAST = "0000", "9999"
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

    def windows(self, period: Period) -> list[ClosedWindow]:
        """Return the windows of a length that were closed, oldest first."""
        sql = "SELECT * FROM windows WHERE period = ? ORDER BY window_start"
        return [ClosedWindow(Period(row[0]), *row[1:]) for row in self._connection.execute(sql, (period,))]

    def complete_up_to(self) -> str | None:
        """Return the last day that was closed, or None if none was."""
        sql = "SELECT max(window_start) FROM windows WHERE period = 'day'"
        ((day,),) = self._connection.execute(sql)
        return None if day is None else str(day)

    def numbers(self, name: str, first: str = _FIRST, last: str = _LAST) -> Iterator[Number]:
        """Return the rows of a series whose windows begin between two days, ordered by window and key."""
        series = _BY_NAME[name]
        levels = len(series.levels)
        for row in self._rows(series.name, series, first, last):
            start, *key = row[: levels + 1]
            amounts = dict(zip(series.amounts, row[levels + 2 :], strict=True))
            yield Number(start, tuple(key), row[levels + 1], amounts)

    def details(self, name: str, first: str = _FIRST, last: str = _LAST) -> Iterator[Detail]:
        """Return the amounts by further labels of a series that has them, ordered by window, key and label."""
        series = _BY_NAME[name]
        levels = len(series.levels)
        if series.details is not None:
            for row in self._rows(series.details.table, series, first, last):
                yield Detail(row[0], tuple(row[1 : levels + 1]), tuple(row[levels + 1 : -1]), row[-1])

    def _rows(self, table: str, series: Series, first: str, last: str) -> Iterator[tuple[Any, ...]]:
        labels = series.details.columns if series.details is not None and table == series.details.table else ()
        order = ", ".join(("window_start", *series.levels, *labels))
        sql = f"SELECT * FROM {table} WHERE window_start BETWEEN ? AND ? ORDER BY {order}"
        return iter(self._connection.execute(sql, (first, last)))


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
