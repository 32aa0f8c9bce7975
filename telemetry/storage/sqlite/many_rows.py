"""Statements that take many rows at once: their row of placeholders is repeated.

``executemany`` would ask for Python's lock again after every row, and wait for it while other threads are busy; a JSON
array costs half as much again for every row.
"""

import re
from collections.abc import Iterable
from functools import cache
from itertools import chain
from typing import Any

_PLACEHOLDERS = re.compile(r"\(\?(?:, \?)*\)")


def many_rows(statement: str, rows: Iterable[tuple[Any, ...]], count: int, *first: object) -> tuple[str, list[Any]]:
    """Return a statement for ``count`` rows, and its parameters: the ``first`` ones, then the rows.

    Rows beyond those are null, which the statement has to leave out: so few sizes are ever compiled.
    """
    size = 1 << (count - 1).bit_length()
    repeated, columns = _repeated(statement, size)
    return repeated, [*first, *chain.from_iterable(rows), *[None] * (columns * (size - count))]


@cache
def _repeated(statement: str, size: int) -> tuple[str, int]:
    """Return a statement with room for ``size`` rows, and how many columns each has."""
    (row,) = _PLACEHOLDERS.findall(statement)
    return statement.replace(row, ", ".join([row] * size)), row.count("?")
