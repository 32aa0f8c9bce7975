"""Statements for many rows take as many as SQLite binds, and leave out the rows that are null."""

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.storage.sqlite.many_rows import many_rows, rows_at_once

# What SQLite takes unless it is built for more, as Debian's is.
VARIABLES_MAX = 32_766


def limited() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, VARIABLES_MAX)
    return connection


def selecting(columns: int) -> str:
    marks = ", ".join("?" * columns)
    return f"SELECT count(*), sum(column1) FROM (VALUES ({marks})) WHERE column1 IS NOT NULL"


@given(count=st.integers(1, 300), columns=st.integers(1, 11))
def test_exactly_the_given_rows_are_taken(count: int, columns: int) -> None:
    rows = [(number, *[0] * (columns - 1)) for number in range(count)]
    sql, parameters = many_rows(selecting(columns), rows, count)

    with closing(limited()) as connection:
        assert connection.execute(sql, parameters).fetchall() == [(count, sum(range(count)))]


@pytest.mark.parametrize("columns", [1, 6, 9, 11])
def test_no_statement_has_more_values_than_sqlite_takes_with_one_before_them(columns: int) -> None:
    many = rows_at_once(selecting(columns), 10**6)

    assert VARIABLES_MAX - 2 * columns - 20 < many.rows * columns < VARIABLES_MAX
    with closing(limited()) as connection:
        connection.execute(f"SELECT ? FROM ({many.sql})", many.parameters([1] * columns, 1, "first"))
    with pytest.raises(ValueError, match=f"{many.rows + 1} rows in a statement that takes {many.rows}"):
        many_rows(selecting(columns), [], many.rows + 1)
