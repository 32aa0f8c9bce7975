"""The end of the event log, watched from outside."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from telemetry.operator_errors import ConflictError, InUseError
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.log.reader import LogReader
from telemetry.storage.log.segment import StoredEvent
from telemetry.storage.sqlite.reading import ROWS_PER_READ

# Today's events should not wait for a day that is being sealed.
_WAIT_S = 0.2


@dataclass(slots=True)
class _Place:
    """How far a day has been read, and the stamp its segment had then."""

    last_id: int = 0
    stamp: int = 0


class LogTail:
    """Two ways from where the log ended when this was made: back through older events, on to newer ones.

    All days are watched, so midnight needs no care, nor does a clock that is set back to an earlier day.
    """

    def __init__(self, directory: DataDirectory) -> None:
        self._log = LogReader(directory)
        self._impatient_log = LogReader(directory, wait_s=_WAIT_S)
        self._places = {day: _Place(self._log.last_id(day)) for day in self._log.days()}
        self._started = {day: place.last_id for day, place in self._places.items()}

    def older(self) -> Iterator[tuple[str, StoredEvent]]:
        """Return the events before the starting point with their days, newest first."""
        for day in sorted(self._started, reverse=True):
            before = self._started[day] + 1
            while chunk := self._log.before(day, before, ROWS_PER_READ):
                before = chunk[-1].id
                for stored in chunk:
                    yield day, stored

    def newer(self) -> Iterator[tuple[str, StoredEvent]]:
        """Return the events that were stored since this was last asked, with their days."""
        stamps = {day: self._log.stamp(day) for day in self._log.days()}
        latest = max(stamps.values(), default=0)
        for day, stamp in stamps.items():
            place = self._places.setdefault(day, _Place())
            # Two changes within a tick of the clock leave one stamp: the file that changed last is read in any case.
            if stamp == place.stamp != latest:
                continue
            # A segment that is just being sealed can be locked for a while; its turn comes again.
            with suppress(InUseError, ConflictError):
                while chunk := self._impatient_log.after(day, place.last_id, ROWS_PER_READ):
                    place.last_id = chunk[-1].id
                    yield from ((day, stored) for stored in chunk)
                place.stamp = stamp
