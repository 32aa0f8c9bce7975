"""A connection of the SQLite that comes with apsw: it attaches 125 files, where Debian's attaches ten."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import apsw

from telemetry.storage.sqlite.database import LOCK_WAIT_S
from telemetry.storage.sqlite.statements import INSTRUCTIONS_PER_ASK, ResultSet, ShouldStop, StatementError, authorize


class ApswConnection:
    """As ``StandardConnection``. Its errors are raised as those of ``sqlite3``.

    A process must not have one file open with both: when either closes it, the other loses its locks.
    """

    def __init__(self, uri: str) -> None:
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        with _translated():
            self._connection = apsw.Connection(uri, flags=flags)
        self._connection.set_busy_timeout(int(LOCK_WAIT_S * 1_000))
        self.attached_max = self._connection.limit(apsw.SQLITE_LIMIT_ATTACHED)

    def execute(self, sql: str, parameters: tuple[str, ...] = ()) -> object:
        """Run one statement of ours to its end."""
        with _translated():
            return self._connection.execute(sql, parameters).fetchall()

    def answer(self, sql: str, stop: ShouldStop) -> ResultSet:
        """Begin a statement of somebody's that may only read."""
        statements: list[list[str]] = []

        def prepared(cursor: apsw.Cursor, _sql: str, _bindings: object) -> bool:
            if statements:
                raise StatementError("You can only execute one statement at a time.")
            statements.append([column[0] for column in cursor.get_description()])
            return True

        self._connection.authorizer = authorize
        self._connection.set_progress_handler(stop, INSTRUCTIONS_PER_ASK)
        self._connection.exec_trace = prepared
        with _translated():
            cursor = self._connection.execute(sql)
        return ResultSet(statements[0] if statements else [], _rows(cursor))

    def close(self) -> None:
        """Close the files; the connection must not be used afterwards."""
        self._connection.close()


def _rows(cursor: apsw.Cursor) -> Iterator[Sequence[Any]]:
    with _translated():
        yield from cursor


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except apsw.Error as error:
        translated = sqlite3.OperationalError(str(error))
        translated.sqlite_errorcode = getattr(error, "extendedresult", 0)
        raise translated from error
