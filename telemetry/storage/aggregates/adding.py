"""Adding rows to a table of the aggregates, whatever their number: in order, in as few statements as SQLite takes."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import chain, islice
from operator import attrgetter
from typing import Any, TypeVar

import aiosqlite
from msgspec import Struct

from telemetry.counting.declaring import Aggregate
from telemetry.counting.deltas import CODE
from telemetry.storage.aggregates.label_numbers import label_numbers, labels_of
from telemetry.storage.aggregates.ordering import SORTED_AT_ONCE, in_order, sortable_ranges
from telemetry.storage.aggregates.row_statements import row_statement
from telemetry.storage.sqlite.many_rows import rows_at_once

_Item = TypeVar("_Item")


async def add_rows(connection: aiosqlite.Connection, aggregate: Aggregate, rows: Collection[tuple[Any, ...]]) -> None:
    """Add rows of an aggregate to those that are there, inside the caller's transaction."""
    await _add(
        connection,
        row_statement("add_rows", aggregate),
        chain.from_iterable(in_order(rows, SORTED_AT_ONCE)),
        len(rows),
        chain.from_iterable,
    )


async def add_counted(connection: aiosqlite.Connection, aggregate: Aggregate, counted: Mapping[Any, Struct]) -> None:
    """Add counted rows, which are given by key, in the same way. Only some thousand are in memory twice."""
    order, rows = attrgetter(*aggregate.order), counted.values()
    # Some hundred thousand rows take a tenth of a second, in which this thread has requests to answer.
    ranges = await asyncio.to_thread(sortable_ranges, rows, SORTED_AT_ONCE, order)
    numbers = await label_numbers(connection, aggregate, await asyncio.to_thread(labels_of, aggregate, ranges))
    stored = CODE[aggregate.table].values
    await _add(
        connection,
        row_statement("add_rows", aggregate.stored),
        (row for part in ranges for row in sorted(part, key=order)),
        len(rows),
        lambda some: stored(some, numbers),
    )


async def _add(
    connection: aiosqlite.Connection,
    statement: str,
    rows: Iterable[_Item],
    count: int,
    values: Callable[[list[_Item]], Iterable[Any]],
) -> None:
    """Add rows in their order: neighbours share pages, and each page is changed once.

    They are made ready while they are added, in the thread that adds them: after each piece, this thread would have to
    be waited for.
    """
    if count:
        added = rows_at_once(statement, count)
        pieces = chunks(rows, added.rows)
        await connection.executemany(added.sql, (added.parameters(values(some), len(some)) for some in pieces))


def chunks(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """Return items some at a time, in their order."""
    remaining = iter(items)
    while chunk := list(islice(remaining, size)):
        yield chunk
