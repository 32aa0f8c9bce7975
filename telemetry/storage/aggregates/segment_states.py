"""What the aggregates database knows of each day's segment: its watermark, whether it is sealed, whether it is gone."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

import aiosqlite

from telemetry.counting.aggregates import BOUNDED_BY_DAY
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.sqlite.background import NotNowError
from telemetry.storage.sqlite.queries import query


class SegmentState(NamedTuple):
    """A row of the table ``segments``; only sealed segments have ``rows``. ``erased`` events are gone from the segment.

    ``retired`` events were in an older segment of the day, which retention removed before the day got events again.
    """

    day: str
    watermark: int = 0
    rows: int | None = None
    sealed_at: str | None = None
    retired_at: str | None = None
    erased: int = 0
    retired: int = 0

    @property
    def events(self) -> int:
        """How many events were counted and should be in the segment."""
        return self.watermark - self.erased - self.retired


def missing(states: Iterable[SegmentState], days: Collection[str]) -> list[SegmentState]:
    """Return the days whose events were counted, that nobody retired and that have no segment, oldest first."""
    gone = [state for state in states if state.watermark and state.retired_at is None and state.day not in days]
    return sorted(gone, key=lambda state: state.day)


class Counts(NamedTuple):
    """What sealing found in a segment."""

    rows: int
    installations: int


SEGMENT_STATES = "SELECT day, watermark, rows, sealed_at, retired_at, erased, retired FROM segments"


class SegmentStates:
    """Reads and changes the states of segments; every change is one transaction."""

    def __init__(self, aggregates: Aggregates) -> None:
        self._aggregates = aggregates
        # Installations up to this id have been looked through.
        self._looked_through = ""

    async def all(self) -> dict[str, SegmentState]:
        """Return the state of every day that ever had a segment."""
        return {row[0]: SegmentState(*row) for row in await self._aggregates.read(SEGMENT_STATES)}

    async def get(self, day: str) -> SegmentState:
        """Return the state of one day."""
        found = await self._aggregates.read(f"{SEGMENT_STATES} WHERE day = ?", (day,))
        return SegmentState(*found[0]) if found else SegmentState(day)

    async def seal(self, day: str, watermark: int, counts: Counts, sealed_at: str) -> None:
        """Mark a segment as sealed, and correct the day's counts of installations by what is in it.

        Raises ``NotNowError`` if the day is not counted up to ``watermark``.
        """
        async with self._aggregates.change() as connection:
            await _check_counted(connection, day, watermark)
            await connection.execute(query("seal_segment"), (day, watermark, counts.rows, sealed_at))
            ((erased,),) = await connection.execute_fetchall("SELECT erased FROM segments WHERE day = ?", (day,))
            # When events are lost, the counts that were made as they came are the better ones.
            if counts.rows + erased == watermark:
                await connection.execute(query("delete_installation_counts"), (day,))
                await connection.execute(query("recount_installations"), (day, counts.installations))

    async def unseal(self, day: str) -> None:
        """Mark a segment as one that may be written again."""
        async with self._aggregates.change() as connection:
            await connection.execute("UPDATE segments SET rows = NULL, sealed_at = NULL WHERE day = ?", (day,))

    async def retire(self, day: str, watermark: int, retired_at: str) -> None:
        """Mark a segment as gone, before its file is removed; raise as ``seal`` does."""
        async with self._aggregates.change() as connection:
            await _check_counted(connection, day, watermark)
            await connection.execute(query("retire_segment"), (day, retired_at))
            for aggregate in BOUNDED_BY_DAY:
                await connection.execute(f"DELETE FROM {aggregate.table}_days WHERE day = ?", (day,))

    async def renew(self, day: str) -> None:
        """Mark a segment as there again, in a new file."""
        async with self._aggregates.change() as connection:
            await connection.execute(query("renew_segment"), (day,))

    async def delete_retired_installations(self, oldest_day: str, limit: int) -> bool:
        """Remove installations that no segment has events of; return whether some are still to be looked through.

        Each call looks through up to ``limit`` installations, from where the last call ended. ``oldest_day`` is the
        first day that has a segment.
        """
        ((any_left,),) = await self._aggregates.read(query("has_retired_installations"), (oldest_day,))
        if not any_left:
            return False
        after = self._looked_through
        ((last,),) = await self._aggregates.read(query("read_next_installation"), (after, limit))
        if last is not None:
            async with self._aggregates.change() as connection:
                await connection.execute(query("delete_retired_installations"), (oldest_day, after, last))
        self._looked_through = last or ""
        return True


async def _check_counted(connection: aiosqlite.Connection, day: str, watermark: int) -> None:
    """Raise ``NotNowError`` unless a watermark is stored: when it was read, it may have been about to be."""
    stored = await connection.execute_fetchall("SELECT watermark FROM segments WHERE day = ?", (day,))
    if max((row[0] for row in stored), default=0) < watermark:
        raise NotNowError("its last events are not counted yet")
