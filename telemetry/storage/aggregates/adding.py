"""Adding rows to a table of the aggregates, whatever their number: in order, in as few statements as SQLite takes."""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, TypeVar

import aiosqlite
from msgspec import Struct
from msgspec.structs import astuple

from telemetry.counting.declaring import Aggregate
from telemetry.storage.aggregates.ordering import SORTED_AT_ONCE, in_order, sortable_ranges
from telemetry.storage.aggregates.row_statements import row_statement
from telemetry.storage.sqlite.many_rows import many_rows

# SQLite takes 32,766 values in a statement, unless it is built for more. After each of them the thread that flushes
# waits for its turn, under load for some milliseconds.
_ROWS_PER_STATEMENT = 2_048

_Item = TypeVar("_Item")


async def add_rows(connection: aiosqlite.Connection, aggregate: Aggregate, rows: Collection[tuple[Any, ...]]) -> None:
    """Add rows of an aggregate to those that are there, inside the caller's transaction."""
    await _add(connection, aggregate, in_order(rows, SORTED_AT_ONCE))


async def add_counted(connection: aiosqlite.Connection, aggregate: Aggregate, counted: Mapping[Any, Struct]) -> None:
    """Add counted rows, which are given by key, in the same way. Only some thousand are in memory twice."""
    # Some hundred thousand keys take a tenth of a second, in which this thread has requests to answer.
    ranges = await asyncio.to_thread(sortable_ranges, counted, SORTED_AT_ONCE)
    await _add(connection, aggregate, ([astuple(counted[key]) for key in sorted(keys)] for keys in ranges))


async def _add(
    connection: aiosqlite.Connection, aggregate: Aggregate, parts: Iterable[Sequence[tuple[Any, ...]]]
) -> None:
    # Neighbours share pages: in order, each page is changed once.
    added = row_statement("add_rows", aggregate)
    for part in parts:
        statements = [many_rows(added, chunk, len(chunk)) for chunk in chunks(part, _ROWS_PER_STATEMENT)]
        for statement, same in groupby(statements, itemgetter(0)):
            await connection.executemany(statement, [parameters for _, parameters in same])


def chunks(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """Return items some at a time, in their order."""
    remaining = iter(items)
    while chunk := list(islice(remaining, size)):
        yield chunk
