"""What one installation has added to the aggregates of the days whose raw events are there, counted anew.

It may have been stored under several ids. Two databases are built by the same counters that count live events, so that
memory stays bounded however much it sent:
``contribution`` from its own events, ``remaining`` from the others' events of the same signatures and decisions, which
tell when these were first and last seen without it.
"""

import asyncio
import heapq
import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from operator import itemgetter
from pathlib import Path

from telemetry.counting.aggregates import BOUNDED, COUNTED, DAILY_STATS
from telemetry.counting.counters import Counters
from telemetry.counting.day_labels import DayLabels
from telemetry.counting.declaring import Aggregate
from telemetry.counting.names import Name, Names
from telemetry.storage.aggregates.catalogue_versions import CatalogueVersions
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.aggregates.event_statements import related_events_statement
from telemetry.storage.aggregates.flushing import flush_counters
from telemetry.storage.aggregates.new_rows import AsCounted
from telemetry.storage.aggregates.row_statements import names_statement
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.erasure.lost_days import lost_days
from telemetry.storage.log.replaying import count_stored
from telemetry.storage.log.segment import StoredEvent, stored_event
from telemetry.storage.sqlite.database_files import read_only_uri
from telemetry.storage.sqlite.queries import query
from telemetry.storage.sqlite.reading import ROWS_PER_READ, read_only, reading
from telemetry.storage.sqlite.scrubbing import INSTRUCTIONS_PER_LOOK, check_stop, telling_stop


class Contributions:
    """Owns both databases, in a folder that is the caller's. ``count`` goes on after the watermarks in ``counted``."""

    def __init__(
        self, folder: Path, directory: DataDirectory, ids: Collection[str], stop: asyncio.Event, *, keys_max: int
    ) -> None:
        self.contribution = folder / "contribution.db"
        self.remaining = folder / "remaining.db"
        self.folder = folder
        self.directory = directory
        self.ids = sorted(ids)
        self.stop = stop
        self.keys_max = keys_max
        self.counted: dict[str, int] = {}

    async def count(self, watermarks: Mapping[str, int], *, others: bool) -> None:
        """Count events up to the watermarks, those of others if they are wanted; it takes a thread of its own.

        Raises ``StoppedError`` soon after a stop was asked for.
        """
        await asyncio.to_thread(asyncio.run, self._count(dict(watermarks), others=others))
        if others and not self.counted:
            await asyncio.to_thread(self._note_lost_days)
        self.counted.update(watermarks)

    def events_by_day(self) -> dict[str, int]:
        """Return how many events of the installation were counted."""
        sql = "SELECT date, sum(value) FROM daily_stats WHERE metric LIKE 'events:%' GROUP BY date"
        with read_only(self.contribution) as counted:
            return {str(day): int(events) for day, events in counted.execute(sql)}

    def metrics_by_day(self) -> dict[str, set[str]]:
        """Return the metrics that the installation has added to, by day."""
        found: dict[str, set[str]] = {}
        with read_only(self.contribution) as counted:
            for day, metric in counted.execute("SELECT date, metric FROM daily_stats"):
                found.setdefault(day, set()).add(metric)
        return found

    def names(self, aggregate: Aggregate) -> set[Name]:
        """Return the names of a bounded aggregate that the installation has added to."""
        with read_only(self.contribution) as counted:
            return set(counted.execute(names_statement(aggregate)))

    def rows(self) -> dict[str, int]:
        """Return how many rows of each table it has a part in."""
        tables = [aggregate.table for aggregate in (DAILY_STATS, *COUNTED)]
        with read_only(self.contribution) as counted:
            return {table: int(counted.execute(f"SELECT count(*) FROM {table}").fetchone()[0]) for table in tables}

    async def _count(self, watermarks: dict[str, int], *, others: bool) -> None:
        # Labels without a metric of their own were counted as others, whatever the bound was then.
        await self._count_into(
            self.contribution, watermarks, query("read_installation_events"), [(one,) for one in self.ids]
        )
        # The events of all others are those that none of the ids has.
        related = related_events_statement(COUNTED)
        await self._count_into(self.remaining, watermarks if others else {}, related, [(json.dumps(self.ids),)])

    def _note_lost_days(self) -> None:
        """Tell the statements that correct rows which days have lost events: a row's extremes may come from these."""
        lost = [(day,) for day in lost_days(self.directory, self._reading)]
        with closing(sqlite3.connect(self.remaining)) as remaining, remaining:
            remaining.execute("CREATE TABLE IF NOT EXISTS lost_days (day TEXT PRIMARY KEY)")
            remaining.executemany("INSERT OR IGNORE INTO lost_days VALUES (?)", lost)

    async def _count_into(
        self, path: Path, watermarks: dict[str, int], sql: str, whose: Sequence[tuple[str, ...]]
    ) -> None:
        labels = DayLabels(labels_max=0)
        counters = Counters(labels, self._names())
        counted_there = AsCounted(self.directory.aggregates)
        aggregates = await Aggregates.open(path, synchronous="NORMAL", admission=counted_there)
        try:
            for day, watermark in watermarks.items():
                labels.restore(day, self._metrics(day))
                versions = self._versions(day)
                for stored in self._stored(day, watermark, sql, whose):
                    check_stop(self.stop)
                    count_stored(counters, day, stored, versions)
                    if counters.keys >= self.keys_max:
                        await flush_counters(counters, aggregates)
            await flush_counters(counters, aggregates)
        finally:
            await aggregates.close()

    def _stored(
        self, day: str, watermark: int, sql: str, whose: Sequence[tuple[str, ...]]
    ) -> Iterator[list[StoredEvent]]:
        with self._reading(day) as segment:
            for name_of, path in (("contribution", self.contribution), ("current", self.directory.aggregates)):
                segment.execute(f"ATTACH ? AS {name_of}", (read_only_uri(path),))
            position = self.counted.get(day, 0)
            # Counters want events in the order of their ids.
            rows = heapq.merge(*(_rows(segment, sql, one, position, watermark) for one in whose), key=itemgetter(0))
            while chunk := list(islice(rows, ROWS_PER_READ)):
                yield [stored_event(row) for row in chunk]

    @contextmanager
    def _reading(self, day: str) -> Iterator[sqlite3.Connection]:
        with telling_stop(self.stop), reading(self.directory.segment(day), "segment") as segment:
            segment.set_progress_handler(self.stop.is_set, INSTRUCTIONS_PER_LOOK)
            yield segment

    def _names(self) -> dict[str, Names]:
        found = {}
        with read_only(self.directory.aggregates) as aggregates:
            for aggregate in BOUNDED:
                names = found[aggregate.table] = Names(aggregate, names_max=0)
                names.restore(aggregates.execute(names_statement(aggregate)))
        return found

    def _versions(self, day: str) -> CatalogueVersions:
        with read_only(self.directory.aggregates) as aggregates:
            return CatalogueVersions.read(aggregates, day)

    def _metrics(self, day: str) -> list[str]:
        with read_only(self.directory.aggregates) as aggregates:
            return [str(row[0]) for row in aggregates.execute("SELECT metric FROM daily_stats WHERE date = ?", (day,))]


class DayContributions(Contributions):
    """What some days have added: ``contribution`` is counted from all their events, ``remaining`` from other days'."""

    def __init__(
        self, folder: Path, directory: DataDirectory, days: Collection[str], stop: asyncio.Event, *, keys_max: int
    ) -> None:
        super().__init__(folder, directory, (), stop, keys_max=keys_max)
        self._days = frozenset(days)

    async def _count(self, watermarks: dict[str, int], *, others: bool) -> None:
        own = {day: watermark for day, watermark in watermarks.items() if day in self._days}
        rest = {day: watermark for day, watermark in watermarks.items() if day not in self._days}
        await self._count_into(self.contribution, own, query("read_day_events"), [()])
        await self._count_into(self.remaining, rest if others else {}, related_events_statement(COUNTED), [("[]",)])


def _rows(
    segment: sqlite3.Connection, sql: str, whose: tuple[str, ...], after: int, watermark: int
) -> Iterator[tuple[int, ...]]:
    while rows := segment.execute(sql, (after, watermark, ROWS_PER_READ, *whose)).fetchall():
        yield from rows
        after = rows[-1][0]
