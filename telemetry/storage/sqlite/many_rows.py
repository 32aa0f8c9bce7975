"""Statements that take many rows at once: their row of placeholders is repeated.

``executemany`` would ask for Python's lock again after every row, and wait for it while other threads are busy; a JSON
array costs half as much again for every row.
"""

import re
from collections.abc import Iterable
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

# SQLite takes 32,766 values in a statement, unless it is built for more. A few may come before the rows.
_VALUES_MAX = 32_750

_PLACEHOLDERS = re.compile(r"\(\?(?:, \?)*\)")


class ManyRows(NamedTuple):
    """A statement for so many ``rows`` of so many ``columns``."""

    sql: str
    rows: int
    columns: int

    def parameters(self, values: Iterable[Any], count: int, *first: object) -> list[Any]:
        """Return the parameters: the ``first`` ones, then the values of ``count`` rows, one after the other.

        Rows beyond those are null, which the statement has to leave out.
        """
        return [*first, *values, *[None] * (self.columns * (self.rows - count))]


def many_rows(statement: str, rows: Iterable[tuple[Any, ...]], count: int, *first: object) -> tuple[str, list[Any]]:
    """Return a statement for ``count`` rows, and its parameters: the ``first`` ones, then the rows.

    Raises ``ValueError`` if SQLite does not take so many.
    """
    repeated = rows_at_once(statement, count)
    if count > repeated.rows:
        raise ValueError(f"{count} rows in a statement that takes {repeated.rows}")
    return repeated.sql, repeated.parameters(chain.from_iterable(rows), count, *first)


def rows_at_once(statement: str, count: int) -> ManyRows:
    """Return a statement for ``count`` rows, or for as many as SQLite takes; only few sizes are ever compiled."""
    return _repeated(statement, 1 << (count - 1).bit_length())


@cache
def _repeated(statement: str, rows: int) -> ManyRows:
    (row,) = _PLACEHOLDERS.findall(statement)
    columns = row.count("?")
    rows = min(rows, _VALUES_MAX // columns)
    return ManyRows(statement.replace(row, ", ".join([row] * rows)), rows, columns)
