"""What can be exported: the columns of each table, and its rows in order, read in short pieces."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from telemetry.counting.aggregates import EXPORTED
from telemetry.counting.columns import ValueKind
from telemetry.counting.declaring import Aggregate
from telemetry.operator_errors import NoDataError
from telemetry.storage.aggregates.loss import reading_aggregates
from telemetry.storage.aggregates.row_statements import row_statement
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.log.reader import LogReader
from telemetry.storage.log.segment import StoredEvent
from telemetry.storage.sqlite.reading import ROWS_PER_READ

TableRow = Sequence[Any]


class Column(NamedTuple):
    """A column; ``day`` and ``moment`` are UTC, and text like 2026-11-23 and 2026-11-23 16:22:38 in the files."""

    name: str
    kind: ValueKind | Literal["json"]


EVENT_COLUMNS = (
    Column("day", "day"),
    Column("id", "integer"),
    Column("type", "text"),
    Column("timestamp", "text"),
    Column("installation_id", "text"),
    Column("drift_version", "text"),
    Column("payload", "json"),
    Column("created_at", "moment"),
)

TABLES = {aggregate.export_name: aggregate for aggregate in EXPORTED}
"""The tables of the aggregates, by the names that people type."""


def columns_of(table: Aggregate) -> tuple[Column, ...]:
    """Return the columns of a table that are exported."""
    return tuple(Column(name, table.kinds[name]) for name in table.exported)


def event_rows(log: LogReader, day: str) -> Iterator[list[TableRow]]:
    """Return the events of a day, oldest first, some thousand at a time.

    Raises ``NoDataError`` in the place of an end that came because retention has removed the day.
    """
    position = 0
    while chunk := log.after(day, position, ROWS_PER_READ):
        position = chunk[-1].id
        yield [_event_row(day, stored) for stored in chunk]
    if not log.stamp(day):
        raise NoDataError(f"retention has removed {day} while it was being read: do this again")


def table_rows(directory: DataDirectory, table: Aggregate, first: str, last: str) -> Iterator[list[TableRow]]:
    """Return the rows of a table by key, some thousand at a time; a later piece can be newer than an earlier one."""
    keys, following = len(table.keys), row_statement("read_rows_after", table)
    # Before any other: SQLite sorts integers before texts.
    key: TableRow = tuple(0 if table.kinds[name] == "integer" else "" for name in table.keys)
    while True:
        with reading_aggregates(directory) as connection:
            chunk = connection.execute(following, (first, last, ROWS_PER_READ, *key)).fetchall()
        if not chunk:
            return
        yield chunk
        key = chunk[-1][:keys]


def _event_row(day: str, stored: StoredEvent) -> TableRow:
    row = stored.row
    client = (row.type, row.timestamp, row.installation_id, row.drift_version, row.payload)
    return (day, stored.id, *client, stored.received_at)
