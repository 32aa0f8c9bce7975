"""Comparing the aggregates with a recount, table by table, and bringing them to it."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import aiosqlite

from telemetry.storage.sqlite.database import transaction


class Compared(NamedTuple):
    """A table: the columns that name a row, those that must be equal, and those that only follow from events."""

    name: str
    keys: tuple[str, ...]
    values: tuple[str, ...]
    others: tuple[str, ...] = ()
    condition: str = "true"
    # Ids of installations are nobody's business.
    shown: bool = True

    @property
    def checked(self) -> str:
        """The columns that are compared, as SQL lists them."""
        return ", ".join(self.keys + self.values)

    @property
    def written(self) -> str:
        """All columns that hold data, as SQL lists them."""
        return ", ".join(self.keys + self.values + self.others)


TABLES = (
    # No row and a row of zero say the same.
    Compared("daily_stats", ("date", "metric"), ("value",), condition="value != 0"),
    Compared(
        "pattern_signatures",
        ("signature_hash",),
        (
            "occurrence_count", "confidence_millionths", "locations", "outliers", "first_seen", "last_seen",
            "latest_day", "latest_id", "category", "detection_method", "language",
        ),
    ),
    Compared("action_aggregates", ("category", "action", "confidence_bucket"), ("count", "hours", "updated_at")),
    # The bits in days_seen depend on the order in which days far apart were reached.
    Compared("installations", ("installation_id",), ("first_seen", "last_seen"), ("days_seen",), shown=False),
)  # fmt: skip


class Difference(NamedTuple):
    """A row that is not what it should be; None stands for no row."""

    table: str
    key: tuple[str, ...]
    found: tuple[Any, ...] | None
    expected: tuple[Any, ...] | None


def differences(current: Path, expected: Path, limit: int) -> tuple[dict[str, int], list[Difference]]:
    """Return how many rows of each table differ, and up to ``limit`` of each table's."""
    counts, shown = {}, []
    with closing(sqlite3.connect(current)) as connection:
        connection.execute("ATTACH ? AS expected", (str(expected),))
        for table in TABLES:
            connection.execute(f"CREATE TEMP TABLE {table.name}_keys AS {_differing_keys(table)}")
            ((counts[table.name],),) = connection.execute(f"SELECT count(*) FROM temp.{table.name}_keys")
            shown_max = limit if table.shown else 0
            for key in connection.execute(f"SELECT * FROM temp.{table.name}_keys LIMIT ?", (shown_max,)).fetchall():
                sides = [_row(connection, side, table, key) for side in ("main", "expected")]
                shown.append(Difference(table.name, key, sides[0], sides[1]))
    return counts, shown


async def adopt(connection: aiosqlite.Connection, expected: Path) -> None:
    """Make every table what the recount says, in one transaction."""
    await connection.execute("ATTACH ? AS expected", (str(expected),))
    try:
        async with transaction(connection):
            for table in TABLES:
                keys, source = ", ".join(table.keys), f"expected.{table.name}"
                await connection.execute(
                    f"DELETE FROM main.{table.name} WHERE {table.condition} AND ({keys}) IN"
                    f" (SELECT {keys} FROM main.{table.name} EXCEPT SELECT {keys} FROM {source})"
                )
                await connection.execute(
                    f"REPLACE INTO main.{table.name} ({table.written}) SELECT {table.written} FROM {source}"
                    f" WHERE ({table.checked}) IN"
                    f" (SELECT {table.checked} FROM {source} EXCEPT SELECT {table.checked} FROM main.{table.name})"
                )
            await connection.execute("UPDATE main.state SET revision = revision + 1")
    finally:
        await connection.execute("DETACH expected")


def _differing_keys(table: Compared) -> str:
    keys = ", ".join(table.keys)
    rows = [f"SELECT {table.checked} FROM {side}.{table.name} WHERE {table.condition}" for side in ("main", "expected")]
    one_way, other_way = (f"SELECT {keys} FROM ({a} EXCEPT {b})" for a, b in (rows, rows[::-1]))
    return f"{one_way} UNION {other_way}"


def _row(connection: sqlite3.Connection, side: str, table: Compared, key: tuple[str, ...]) -> tuple[Any, ...] | None:
    condition = " AND ".join(f"{column} = ?" for column in table.keys)
    found: tuple[Any, ...] | None = connection.execute(
        f"SELECT {', '.join(table.values)} FROM {side}.{table.name} WHERE {condition} AND {table.condition}", key
    ).fetchone()
    return found
