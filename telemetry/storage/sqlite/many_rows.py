"""Statements that take many rows at once: the row of placeholders in their file is repeated.

``executemany`` would ask for Python's lock again after every row, and wait for it while other threads are busy; a JSON
array costs half as much again for every row.
"""

import re
from collections.abc import Iterable
from functools import cache
from itertools import chain
from typing import Any

from telemetry.storage.sqlite.queries import query

_PLACEHOLDERS = re.compile(r"\(\?(?:, \?)*\)")


def many_rows(name: str, rows: Iterable[tuple[Any, ...]], count: int, *first: object) -> tuple[str, list[Any]]:
    """Return ``sql/<name>.sql`` for ``count`` rows, and its parameters: the ``first`` ones, then the rows.

    Rows beyond those are null, which the statement has to leave out: so few sizes are ever compiled.
    """
    size = 1 << (count - 1).bit_length()
    statement, columns = _repeated(name, size)
    return statement, [*first, *chain.from_iterable(rows), *[None] * (columns * (size - count))]


@cache
def _repeated(name: str, size: int) -> tuple[str, int]:
    """Return a statement with room for ``size`` rows, and how many columns each has."""
    statement = query(name)
    (row,) = _PLACEHOLDERS.findall(statement)
    return statement.replace(row, ", ".join([row] * size)), row.count("?")
