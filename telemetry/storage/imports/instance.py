"""Another instance of this service, opened for reading: its data directory, or a backup, which has the same layout."""

import sqlite3
from collections.abc import Iterator
from typing import Any

from telemetry.catalogue.stored_ids import IdKey
from telemetry.operator_errors import DamagedError
from telemetry.storage.aggregates.key_file import recorded_fingerprint
from telemetry.storage.aggregates.loss import reading_aggregates
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.imports.rows import OldRow
from telemetry.storage.log.reader import LogReader
from telemetry.storage.log.segment import StoredEvent
from telemetry.storage.sqlite.copying import Progress, no_progress
from telemetry.storage.sqlite.queries import query
from telemetry.storage.sqlite.reading import ROWS_PER_READ, reading

_COUNTERS = "SELECT date, metric, value FROM daily_stats WHERE value != 0 ORDER BY date, value DESC, metric"


class OtherInstance:
    """The events and counters of another instance; a service may be running there."""

    def __init__(self, directory: DataDirectory, on_bytes: Progress = no_progress) -> None:
        self._directory = directory
        self._on_bytes = on_bytes

    def check_key(self, id_key: IdKey) -> None:
        """Raise ``DamagedError`` if ids there were hashed with another key."""
        theirs = recorded_fingerprint(self._directory.aggregates)
        if theirs != id_key.fingerprint and (day := self._day_with_hashed_ids()) is not None:
            raise DamagedError(
                f"installation ids of {day} in {self._directory.root} were hashed with another id.key (fingerprint "
                f"{theirs or 'unknown'}, here {id_key.fingerprint}), and each would count as a second installation: "
                "merge only what was stored with one key, as instances do that get it from the setting id_key"
            )

    def events(self) -> Iterator[list[OldRow]]:
        """Return the events of all days, each with a number of its own, some at a time."""
        log, number = LogReader(self._directory), 0
        for day in log.days():
            position, last_id = 0, max(log.last_id(day), 1)
            bytes_per_id = self._directory.segment(day).stat().st_size // last_id
            while chunk := log.after(day, position, ROWS_PER_READ):
                yield [_row(number + place, stored) for place, stored in enumerate(chunk, 1)]
                number += len(chunk)
                self._on_bytes(bytes_per_id * (chunk[-1].id - position))
                position = chunk[-1].id

    def counters(self) -> Iterator[tuple[Any, ...]]:
        """Return the rows of ``daily_stats``: date, metric and value."""
        with reading_aggregates(self._directory) as aggregates:
            yield from aggregates.execute(_COUNTERS).fetchall()

    def _day_with_hashed_ids(self) -> str | None:
        return next((day for day in self._directory.days() if self._has_hashed_ids(day)), None)

    def _has_hashed_ids(self, day: str) -> bool:
        with reading(self._directory.segment(day), "segment") as segment:
            try:
                return segment.execute(query("find_hashed_id")).fetchone() is not None
            except sqlite3.OperationalError:
                # The creation of the segment was interrupted before it had a table.
                return False


def _row(number: int, stored: StoredEvent) -> OldRow:
    row = stored.row
    client = (row.type, row.timestamp, row.installation_id, row.drift_version, row.payload)
    return OldRow(number, *client, stored.received_at)
