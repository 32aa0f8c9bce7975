"""The event log as commands read it: from outside and in short pieces, while a service may be writing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from telemetry.operator_errors import NoDataError
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.log.segment import StoredEvent, check_order, stored_event
from telemetry.storage.sqlite.queries import query
from telemetry.storage.sqlite.reading import last_written, reading

FIRST_DAY = "0000-00-00"
LAST_DAY = "9999-99-99"
# How long a segment is waited for that is locked: making an index of some million events takes some seconds.
SEALING_WAIT_S = 60.0


class LogReader:
    """Reads segments without ever keeping one open, so that it hinders neither checkpoints nor sealing.

    A segment that retention has removed in the meantime has no events; one that is locked is waited for.
    """

    def __init__(self, directory: DataDirectory, *, wait_s: float = SEALING_WAIT_S) -> None:
        self._directory = directory
        self._wait_s = wait_s

    def days(self, first: str = FIRST_DAY, last: str = LAST_DAY) -> list[str]:
        """Return the days from ``first`` to ``last`` that have a segment, oldest first."""
        return [day for day in self._directory.days() if first <= day <= last]

    def path(self, day: str) -> Path:
        """Return where the segment of a day is."""
        return self._directory.segment(day)

    def stamp(self, day: str) -> int:
        """Return a number that changes when a segment does: when its files were last written to; 0 if it is gone."""
        return last_written(self.path(day))

    def complete(self, day: str) -> bool:
        """Tell whether a day has a segment that can be read; raise ``OperatorError`` if there is one that cannot."""
        return bool(self._fetch(day, "SELECT 1"))

    def last_id(self, day: str) -> int:
        """Return the highest id given out on a day, or 0."""
        found = self._fetch(day, "SELECT seq FROM sqlite_sequence WHERE name = 'events'")
        return max((int(row[0]) for row in found), default=0)

    def after(self, day: str, event_id: int, limit: int) -> list[StoredEvent]:
        """Return up to ``limit`` events of a day above ``event_id``, oldest first."""
        found = [stored_event(row) for row in self._fetch(day, query("read_events_after"), event_id, limit)]
        check_order(self.path(day), [event_id, *(stored.id for stored in found)])
        return found

    def before(self, day: str, event_id: int, limit: int) -> list[StoredEvent]:
        """Return up to ``limit`` events of a day below ``event_id``, newest first."""
        found = [stored_event(row) for row in self._fetch(day, query("read_events_before"), event_id, limit)]
        check_order(self.path(day), [*(stored.id for stored in reversed(found)), event_id])
        return found

    def _fetch(self, day: str, sql: str, *parameters: object) -> list[Sequence[Any]]:
        try:
            with reading(self.path(day), "segment", wait_s=self._wait_s) as connection:
                # A segment whose making was interrupted has version 0 and no table yet.
                ((version,),) = connection.execute("PRAGMA user_version")
                return connection.execute(sql, parameters).fetchall() if version else []
        except NoDataError:
            return []
