"""What can be exported: the columns of each table, and its rows in order, read in short pieces."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from telemetry.operator_errors import NoDataError
from telemetry.storage.aggregates.loss import reading_aggregates
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.log.reader import LogReader
from telemetry.storage.log.segment import StoredEvent
from telemetry.storage.sqlite.queries import query
from telemetry.storage.sqlite.reading import ROWS_PER_READ

TableRow = Sequence[Any]


class Column(NamedTuple):
    """A column; ``day`` and ``moment`` are UTC, and text like 2026-11-23 and 2026-11-23 16:22:38 in the files."""

    name: str
    kind: Literal["text", "integer", "real", "day", "moment", "json"]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the aggregates: its columns, the first ``keys`` of which are its key, and what reads it."""

    columns: tuple[Column, ...]
    keys: int
    query: str


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

TABLES = {
    "signatures": Table(
        (
            Column("signature_hash", "text"),
            Column("category", "text"),
            Column("detection_method", "text"),
            Column("language", "text"),
            Column("first_seen", "moment"),
            Column("last_seen", "moment"),
            Column("occurrence_count", "integer"),
            Column("avg_confidence", "real"),
            Column("avg_location_count", "real"),
            Column("avg_outlier_count", "real"),
        ),
        1,
        "read_pattern_signatures_after",
    ),
    "actions": Table(
        (
            Column("category", "text"),
            Column("action", "text"),
            Column("confidence_bucket", "text"),
            Column("count", "integer"),
            Column("avg_hours_to_decision", "real"),
            Column("updated_at", "moment"),
        ),
        3,
        "read_action_aggregates_after",
    ),
    "daily": Table(
        (Column("date", "day"), Column("metric", "text"), Column("value", "integer")), 2, "read_daily_stats_after"
    ),
    "installations": Table(
        (Column("installation_id", "text"), Column("first_seen", "day"), Column("last_seen", "day")),
        1,
        "read_installations_after",
    ),
}


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


def table_rows(directory: DataDirectory, table: Table, first: str, last: str) -> Iterator[list[TableRow]]:
    """Return the rows of a table by key, some thousand at a time; a later piece can be newer than an earlier one."""
    key: TableRow = ("",) * table.keys
    while True:
        with reading_aggregates(directory) as connection:
            chunk = connection.execute(query(table.query), (first, last, ROWS_PER_READ, *key)).fetchall()
        if not chunk:
            return
        yield chunk
        key = chunk[-1][: table.keys]


def _event_row(day: str, stored: StoredEvent) -> TableRow:
    row = stored.row
    client = (row.type, row.timestamp, row.installation_id, row.drift_version, row.payload)
    return (day, stored.id, *client, stored.received_at)
