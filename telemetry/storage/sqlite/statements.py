"""Statements from people: SQL that may only read, and can be stopped."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

# After so many of SQLite's instructions, about a millisecond's worth, it is asked whether to stop.
INSTRUCTIONS_PER_ASK = 10_000
_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_READING_PRAGMAS = {"table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo"}

ShouldStop = Callable[[], bool]
"""Asked again and again while a statement runs; the statement stops when the answer is True."""


class ResultSet(NamedTuple):
    """The names of the columns, and the rows as SQLite finds them."""

    columns: list[str]
    rows: Iterator[Sequence[Any]]


class StatementError(Exception):
    """The statement is not one that can be answered; the message is SQLite's own."""


class StatementInterrupted(Exception):  # noqa: N818 - it was asked for
    """The statement was stopped."""


class Connection(Protocol):
    """A read-only connection of either SQLite: Python's own, or the one that comes with apsw."""

    attached_max: int

    def execute(self, sql: str, parameters: tuple[str, ...] = ()) -> object:
        """Run one statement of ours to its end."""

    def answer(self, sql: str, stop: ShouldStop) -> ResultSet:
        """Begin a statement of somebody's that may only read."""


class StandardConnection:
    """A connection of Python's own SQLite."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        connection.isolation_level = None
        self.attached_max = connection.getlimit(sqlite3.SQLITE_LIMIT_ATTACHED)
        self._connection = connection

    def execute(self, sql: str, parameters: tuple[str, ...] = ()) -> object:
        """Run one statement of ours to its end."""
        return self._connection.execute(sql, parameters).fetchall()

    def answer(self, sql: str, stop: ShouldStop) -> ResultSet:
        """Begin a statement of somebody's that may only read."""
        self._connection.set_authorizer(authorize)
        self._connection.set_progress_handler(stop, INSTRUCTIONS_PER_ASK)
        cursor = self._connection.execute(sql)
        return ResultSet([column[0] for column in cursor.description or ()], cursor)


def authorize(action: int, first: str | None, *_: str | None) -> int:
    """Tell SQLite whether a step of a statement may be prepared."""
    allowed = (
        action in _READING
        or (action == sqlite3.SQLITE_PRAGMA and first in _READING_PRAGMAS)
        # A table-valued function declares its columns so; the schema itself can be written by nobody.
        or (action == sqlite3.SQLITE_UPDATE and first == "sqlite_master")
    )
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY
