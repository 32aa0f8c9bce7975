"""Days of made events, sealed and known to the aggregates, whose windows have not been closed."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from telemetry.published.windows import Period, PublicWindow
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.log.sealing import seal
from telemetry.storage.log.segment import Segment
from tests.bench.events import EventSource, Population, installation

# Made once and sent by other installations each day: to make an event takes ten times as long as to insert it.
_TEMPLATE_ROWS = 1_000_000
_VERSIONS = ("0.9.1", "0.9.2", "0.9.3", "1.0.0-beta.2")
# From one number to the next by steps that visit every installation, and in no order of their ids.
_STEP = 7_919
_FILL = """
INSERT INTO events (type, timestamp, installation_id, drift_version, payload, created_at)
SELECT made.type, made.timestamp, senders.id, senders.version, made.payload, :received_at
FROM made JOIN senders ON senders.number = (made.number * :step + :first) % :installations
WHERE made.number < :rows
"""


def last_four_weeks() -> PublicWindow:
    """Return the last window of four weeks that is over."""
    present = PublicWindow.of(Period.FOUR_WEEKS, datetime.now(UTC).date().isoformat())
    return PublicWindow(Period.FOUR_WEEKS, (date.fromisoformat(present.start) - timedelta(28)).isoformat())


def make_days(directory: DataDirectory, days: list[str], events: int, population: Population) -> dict[str, int]:
    """Fill and seal a segment for each day, all installations known for longer; return the last id of each day."""
    directory.root.mkdir(parents=True)
    asyncio.run(_create(directory, days))
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        _make_templates(connection, min(events, _TEMPLATE_ROWS), population)
        for number, day in enumerate(days):
            _fill(connection, directory.segment(day), events, number * events, population.installations)
    last_ids = {day: _seal(directory.segment(day), events) for day in days}
    _record(directory.aggregates, days, events, population)
    return last_ids


async def _create(directory: DataDirectory, days: list[str]) -> None:
    directory.events.mkdir()
    await (await Aggregates.open(directory.aggregates, synchronous="FULL")).close()
    for day in days:
        segment = await Segment.open(directory.segment(day), synchronous="NORMAL", witness=directory.witness)
        await segment.close()


def _make_templates(connection: sqlite3.Connection, rows: int, population: Population) -> None:
    source = EventSource(5, population)
    made = (event for batch in source.batches(50, rows) for event in batch)
    connection.execute("CREATE TABLE made (number INTEGER PRIMARY KEY, type, timestamp, payload)")
    connection.execute("CREATE TABLE senders (number INTEGER PRIMARY KEY, id, version)")
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO made VALUES (?, ?, ?, ?)",
        (
            (number, event.type, event.timestamp, event.payload)
            for number, event in zip(range(rows), made, strict=False)
        ),
    )
    connection.executemany(
        "INSERT INTO senders VALUES (?, ?, ?)",
        (
            (number, installation(number), _VERSIONS[number % len(_VERSIONS)])
            for number in range(population.installations)
        ),
    )
    connection.execute("COMMIT")


def _fill(connection: sqlite3.Connection, segment: Path, events: int, first: int, installations: int) -> None:
    connection.execute("ATTACH ? AS segment", (str(segment),))
    connection.execute("PRAGMA segment.synchronous = OFF")
    values = {"received_at": f"{segment.stem} 00:00:00", "step": _STEP, "installations": installations}
    for done in range(0, events, _TEMPLATE_ROWS):
        rows = min(_TEMPLATE_ROWS, events - done)
        connection.execute(_FILL, values | {"rows": rows, "first": (first + done) * _STEP})
    connection.execute("DETACH segment")


def _seal(segment: Path, events: int) -> int:
    rows, _ = seal(segment, events)
    assert rows == events
    return events


def _record(aggregates: Path, days: list[str], events: int, population: Population) -> None:
    """Have the aggregates know the days, and each installation since before the first of them."""
    before = (date.fromisoformat(days[0]) - timedelta(1)).isoformat()
    known = sorted((installation(number), before, days[-1], 2) for number in range(population.installations))
    with closing(sqlite3.connect(aggregates)) as connection, connection:
        connection.executemany("INSERT INTO installations VALUES (?, ?, ?, ?)", known)
        connection.executemany(
            "INSERT INTO segments (day, watermark, rows, sealed_at) VALUES (?, ?, ?, datetime('now'))",
            [(day, events, events) for day in days],
        )
