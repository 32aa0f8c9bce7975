"""The numbers of labels, by which compact rows are stored."""

from collections.abc import Collection, Iterable
from itertools import islice
from operator import attrgetter
from typing import Any

import aiosqlite
from msgspec import Struct

from telemetry.counting.declaring import Aggregate
from telemetry.storage.aggregates.row_statements import row_statement
from telemetry.storage.sqlite.many_rows import many_rows

_LABELS_PER_STATEMENT = 2_048

RowLabels = tuple[str, ...]


def labels_of(aggregate: Aggregate, parts: Iterable[Iterable[Struct]]) -> set[RowLabels]:
    """Return the different labels of rows. Other threads wait while a part of them, some thousand, is looked at."""
    found: set[RowLabels] = set()
    if aggregate.compact is not None:
        of_row = attrgetter(*aggregate.compact.labelled_by)
        for part in parts:
            found.update(map(of_row, part))
    return found


async def label_numbers(
    connection: aiosqlite.Connection, aggregate: Aggregate, labels: Collection[RowLabels]
) -> dict[RowLabels, int]:
    """Return the numbers of labels; those without one get it, inside the caller's transaction."""
    numbers: dict[RowLabels, int] = {}
    remaining = iter(labels)
    while some := list(islice(remaining, _LABELS_PER_STATEMENT)):
        await connection.execute(*_statement("number_labels", aggregate, some))
        found = await connection.execute_fetchall(*_statement("find_labels", aggregate, some))
        numbers.update((tuple(labels), number) for *labels, number in found)
    return numbers


def _statement(name: str, aggregate: Aggregate, labels: Collection[RowLabels]) -> tuple[str, list[Any]]:
    return many_rows(row_statement(name, aggregate), labels, len(labels))
