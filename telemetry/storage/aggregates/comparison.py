"""Comparing the aggregates with a recount, table by table, and bringing them to it."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import aiosqlite

from telemetry.counting.aggregates import AGGREGATES
from telemetry.storage.aggregates.row_statements import row_query, row_statement
from telemetry.storage.sqlite.database import transaction

_MENDING_LABELS = ("delete_unlabelled_rows", "count_labelled_rows", "delete_unused_labels")


class Difference(NamedTuple):
    """A row that is not what it should be; None stands for no row."""

    table: str
    key: tuple[Any, ...]
    found: tuple[Any, ...] | None
    expected: tuple[Any, ...] | None


def differences(current: Path, expected: Path, limit: int) -> tuple[dict[str, int], list[Difference]]:
    """Return how many rows of each table differ, and up to ``limit`` of each table's."""
    counts, shown = {}, []
    with closing(sqlite3.connect(current)) as connection:
        connection.execute("ATTACH ? AS expected", (str(expected),))
        for aggregate in AGGREGATES:
            table = aggregate.table
            if aggregate.compact is not None:
                ((counts[aggregate.compact.labels_table],),) = connection.execute(
                    row_statement("count_wrong_labels", aggregate)
                )
            connection.execute(row_statement("find_differing_rows", aggregate))
            ((counts[table],),) = connection.execute(f"SELECT count(*) FROM temp.{table}_keys")
            shown_max = limit if aggregate.shown else 0
            for key in connection.execute(f"SELECT * FROM temp.{table}_keys LIMIT ?", (shown_max,)).fetchall():
                found, wanted = (
                    connection.execute(row_query(aggregate, side), key).fetchone() for side in ("main", "expected")
                )
                shown.append(Difference(table, key, found, wanted))
    return counts, shown


async def adopt(connection: aiosqlite.Connection, expected: Path) -> None:
    """Make every table what the recount says, in one transaction."""
    await connection.execute("ATTACH ? AS expected", (str(expected),))
    try:
        async with transaction(connection):
            for aggregate in AGGREGATES:
                for name in _MENDING_LABELS if aggregate.compact else ():
                    await connection.execute(row_statement(name, aggregate))
                for name in ("delete_unexpected_rows", "adopt_expected_rows", "adopt_missing_rows"):
                    await connection.execute(row_statement(name, aggregate))
            await connection.execute("UPDATE main.state SET revision = revision + 1")
    finally:
        await connection.execute("DETACH expected")
