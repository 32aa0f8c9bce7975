"""What the aggregates database knows of the windows whose public numbers are made; every change is one transaction."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.sqlite.queries import query


class RecordedWindow(NamedTuple):
    """A row of ``published_windows``, whose migration says what the columns mean."""

    period: str
    start: str
    last_day: str
    state: str
    segments: str = "{}"
    generation: int = 1
    digest: str | None = None
    ledger: str | None = None

    @property
    def last_ids(self) -> dict[str, int]:
        """The last event of each day that counts."""
        return msgspec.json.decode(self.segments, type=dict[str, int])


class PublishedWindows:
    """Reads and changes what is recorded of windows."""

    def __init__(self, aggregates: Aggregates) -> None:
        self._aggregates = aggregates

    async def all(self) -> list[RecordedWindow]:
        """Return every window that is recorded, in the order in which they end."""
        rows = [RecordedWindow(*row) for row in await self._aggregates.read(query("read_recorded_windows"))]
        return sorted(rows, key=lambda row: (row.last_day, row.start, row.period))

    async def published_before(self) -> str:
        """Return the day before which a window that ended and is not recorded is a gap."""
        ((day,),) = await self._aggregates.read("SELECT coalesce(published_before, '') FROM state")
        return str(day)

    async def erasing(self) -> bool:
        """Tell whether installations wait for their erasing."""
        ((waiting,),) = await self._aggregates.read("SELECT count(*) FROM erasures WHERE finished_at IS NULL")
        return bool(waiting)

    async def record(self, windows: Iterable[RecordedWindow]) -> None:
        """Record windows that are not recorded yet."""
        async with self._aggregates.change() as connection:
            await connection.executemany(query("begin_closing"), [window[:5] for window in windows])

    async def finish(self, closed: Iterable[tuple[str, str, int, str, Mapping[str, Mapping[str, int]]]]) -> None:
        """Record that windows are published: period, start, generation, digest and ledger of each."""
        async with self._aggregates.change() as connection:
            rows = [(*row[:4], msgspec.json.encode(row[4]).decode()) for row in closed]
            await connection.executemany(query("finish_closing"), rows)

    async def give_up(self, window: RecordedWindow) -> None:
        """Record that a window cannot be closed, or not again, because raw events of it are gone."""
        state = "gap" if window.generation == 1 else "uncorrectable"
        async with self._aggregates.change() as connection:
            sql = "UPDATE published_windows SET state = ? WHERE period = ? AND window_start = ?"
            await connection.execute(sql, (state, window.period, window.start))


async def record_published_before(path: Path, day: str) -> None:
    """Record that windows that ended before a day may have been published. Nothing else may use the database."""
    aggregates = await Aggregates.open(path, synchronous="FULL")
    try:
        async with aggregates.change() as connection:
            await connection.execute("UPDATE state SET published_before = ?", (day,))
    finally:
        await aggregates.close()
