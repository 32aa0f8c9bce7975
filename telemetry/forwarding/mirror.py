"""The mirror: the aggregates' rows of a directory that the cluster has, so that only changed rows are sent.

It holds sums and labels, and no ids of installations. It is a cache: if it is lost, it is filled from the cluster.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from telemetry.cluster.client import ClusterClient
from telemetry.cluster.tables import SHIPPED_AGGREGATES, table_of
from telemetry.cluster.text import quoted
from telemetry.counting.declaring import Aggregate
from telemetry.storage.aggregates.adding import chunks
from telemetry.storage.aggregates.row_statements import row_statement
from telemetry.storage.sqlite.queries import query
from telemetry.storage.sqlite.reading import held_still, readable_uri

_WAIT_S = 10.0
_ROWS_PER_INSERT = 10_000


class Mirror:
    """Owns the mirror's database. Rows count as sent once ``note`` was called."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    @contextmanager
    def opened(cls, path: Path, origin: str, client: ClusterClient) -> Iterator["Mirror"]:
        """Open the mirror, or fill a new one from the cluster; raise ``sqlite3.Error`` or ``ClusterError``."""
        if not _is_of(path, origin):
            _fill(path, origin, client)
        with closing(_connect(path)) as connection:
            yield cls(connection)

    def find_unsent(self, aggregates: Path) -> int | None:
        """Find the rows to send, and return their revision; None if there are none."""
        (known,) = self._connection.execute("SELECT revision FROM meta").fetchone()
        uri = readable_uri(aggregates, wait_s=_WAIT_S)
        with held_still(aggregates, uri):
            self._connection.execute("ATTACH ? AS aggregates", (uri,))
            try:
                revision = self._find(known)
            finally:
                self._connection.execute("DETACH aggregates")
        return revision

    def unsent(self, aggregate: Aggregate) -> Iterator[list[tuple[Any, ...]]]:
        """Return the rows that ``find_unsent`` found, some at a time; the last column is 1 for rows that are gone."""
        return chunks(self._connection.execute(f"SELECT * FROM temp.unsent_{aggregate.table}"), _ROWS_PER_INSERT)

    def note(self, revision: int) -> None:
        """Note that the cluster has the rows that ``find_unsent`` found."""
        with _transaction(self._connection):
            for aggregate in SHIPPED_AGGREGATES:
                table, keys = aggregate.table, ", ".join(aggregate.keys)
                columns = ", ".join(column.name for column in aggregate.columns)
                unsent = f"FROM temp.unsent_{table}"
                self._connection.execute(f"DELETE FROM main.{table} WHERE ({keys}) IN (SELECT {keys} {unsent})")
                self._connection.execute(f"INSERT INTO main.{table} SELECT {columns} {unsent} WHERE NOT removed")
                self._connection.execute(f"DROP TABLE temp.unsent_{table}")
            self._connection.execute("UPDATE main.meta SET revision = ?", (revision,))

    def days(self) -> dict[tuple[str, str], int]:
        """Return the numbers of events that were last sent to the table ``days``, by day and node."""
        return {(day, node): events for day, node, events in self._connection.execute("SELECT * FROM days")}

    def note_days(self, days: dict[tuple[str, str], int]) -> None:
        """Note the numbers of events that were sent to the table ``days``, by day and node."""
        with _transaction(self._connection):
            self._connection.execute("DELETE FROM days")
            rows = ((day, node, events) for (day, node), events in days.items())
            self._connection.executemany("INSERT INTO days VALUES (?, ?, ?)", rows)

    def _find(self, known: int) -> int | None:
        # In one transaction, so that all rows are of the same revision.
        with _transaction(self._connection):
            (revision,) = self._connection.execute("SELECT revision FROM aggregates.state").fetchone()
            if revision == known:
                return None
            for aggregate in SHIPPED_AGGREGATES:
                self._connection.execute(f"DROP TABLE IF EXISTS temp.unsent_{aggregate.table}")
                self._connection.execute(row_statement("find_unsent_rows", aggregate))
        return int(revision)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN")
    with connection:
        yield


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path.absolute().as_uri(), uri=True, timeout=_WAIT_S, isolation_level=None)
    # No syncs: after a crash the mirror may lack rows that the cluster has. A few rows are then sent twice.
    connection.execute("PRAGMA journal_mode = DELETE")
    return connection


def _is_of(path: Path, origin: str) -> bool:
    if not path.exists():
        return False
    try:
        with closing(_connect(path)) as connection:
            row = connection.execute("SELECT origin FROM meta").fetchone()
    except sqlite3.DatabaseError:
        return False
    return row is not None and row[0] == origin


def _fill(path: Path, origin: str, client: ClusterClient) -> None:
    """Make a mirror of the cluster's rows; the file gets its name when it is complete."""
    unfinished = path.with_name(f"{path.name}-new")
    unfinished.unlink(missing_ok=True)
    with closing(_connect(unfinished)) as connection:
        unfinished.chmod(0o600)
        connection.executescript(query("create_mirror"))
        with _transaction(connection):
            for aggregate in SHIPPED_AGGREGATES:
                _copy(connection, aggregate, origin, client)
            connection.execute("INSERT INTO meta VALUES (1, ?, -1)", (origin,))
    unfinished.replace(path)


def _copy(connection: sqlite3.Connection, aggregate: Aggregate, origin: str, client: ClusterClient) -> None:
    columns, keys = ", ".join(column.name for column in aggregate.columns), ", ".join(aggregate.keys)
    connection.execute(f"CREATE TABLE {aggregate.table} ({columns}, PRIMARY KEY ({keys})) WITHOUT ROWID")
    seen = table_of(aggregate).seen_in(client.address)
    sql = f"SELECT {columns} FROM {seen} FINAL WHERE node_id = {quoted(origin)} AND removed = 0"
    kinds = [int if column.kind == "integer" else bytes.decode for column in aggregate.columns]
    rows = ([read(value) for read, value in zip(kinds, row, strict=True)] for row in client.stream(sql))
    marks = ", ".join("?" for _ in kinds)
    for chunk in chunks(rows, _ROWS_PER_INSERT):
        connection.executemany(f"INSERT INTO {aggregate.table} VALUES ({marks})", chunk)
