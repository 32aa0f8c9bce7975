"""Which version of the catalogue has counted each event of a day, so that a recount counts it the same way."""

import sqlite3
from bisect import bisect_left

from telemetry.catalogue.logged import catalogue_version

_READ = "SELECT after_id, version FROM catalogue_versions WHERE day = ? ORDER BY after_id"
_FIRST_VERSION = 1


class CatalogueVersions:
    """The versions that have counted one day; false if none is older than this program's."""

    def __init__(self, changes: list[tuple[int, int]]) -> None:
        self._after_ids = [after_id for after_id, _ in changes]
        self._versions = [_FIRST_VERSION, *(version for _, version in changes)]

    @classmethod
    def read(cls, aggregates: sqlite3.Connection, day: str) -> "CatalogueVersions":
        """Read those of a day."""
        return cls(aggregates.execute(_READ, (day,)).fetchall())

    def __bool__(self) -> bool:
        return min(self._versions[self._after_ids[:1] == [0] :]) < catalogue_version()

    def of(self, event_id: int) -> int:
        """Return the version that has counted an event."""
        return self._versions[bisect_left(self._after_ids, event_id)]
