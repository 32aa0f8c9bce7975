"""The import of the old worker's data: its raw events go into segments by the day of their receipt, and are counted.

It can be repeated, after a crash as well as with a newer export: of equal events the log takes as many as the old data
has. What was not counted when a crash came is counted by the repetition, or by the next start of the service.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from telemetry.counting.counters import Counters
from telemetry.counting.day_labels import DayLabels
from telemetry.counting.limits import CountingLimits
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.aggregates.flushing import flush_counters
from telemetry.storage.aggregates.segment_states import SegmentStates
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.imports.staging import Staging
from telemetry.storage.log.archive import Archive
from telemetry.storage.log.event_log import EventLog
from telemetry.storage.log.replaying import Replay
from telemetry.storage.sqlite.copying import Progress
from telemetry.storage.sqlite.database import Synchronous
from telemetry.storage.sqlite.queries import query
from telemetry.storage.sqlite.reading import read_only

_CLOSED_DAYS = "SELECT window_start FROM published_windows WHERE period = 'day'"


class ImportedDay(NamedTuple):
    """A day with raw events: how many the old data has, how many of them were new here, and what both counts say."""

    day: str
    staged: int
    added: int
    recounted: int
    old_total: int | None


@dataclass(slots=True)
class Imported:
    """What an import did, or would do."""

    days: list[ImportedDay] = field(default_factory=list)
    # Days whose raw events were counted here before and are gone since: neither added nor counted again.
    expired_days: dict[str, int] = field(default_factory=dict)
    # Days of the old daily_stats without raw events: taken over, or left because they are counted here.
    stats_kept: list[str] = field(default_factory=list)
    stats_left: list[str] = field(default_factory=list)
    # Events by day of which the public numbers are made, or given up: they are in none of them.
    late_days: dict[str, int] = field(default_factory=dict)

    @property
    def added(self) -> int:
        """How many events were new."""
        return sum(day.added for day in self.days)


def plan(staging: Staging, directory: DataDirectory) -> Imported:
    """Reduce what is staged to what is new, and return what an import will do; the data directory is only read."""
    planned = Imported()
    counted, taken_over, closed = _known_days(directory)
    staged_days = staging.days()
    for day, staged in staged_days.items():
        segment = directory.segment(day)
        stored = 0
        if segment.exists():
            stored = staging.drop_stored(segment)
        elif day in counted:
            staging.drop_day(day)
            planned.expired_days[day] = staged
            continue
        added = staging.count(day)
        planned.days.append(ImportedDay(day, staged, added, stored + added, staging.old_totals.get(day)))
        if added and day in closed:
            planned.late_days[day] = added
    for day in sorted(staging.stats):
        if day in staged_days:
            continue
        here = day in counted or (directory.segment(day)).exists()
        (planned.stats_left if here and day not in taken_over else planned.stats_kept).append(day)
    return planned


async def carry_out(
    planned: Imported,
    staging: Staging,
    directory: DataDirectory,
    aggregates: Aggregates,
    limits: CountingLimits,
    *,
    synchronous: Synchronous,
    on_rows: Progress,
) -> None:
    """Append what is new, count it, and take over the old counts of days without raw events."""
    replaced: dict[str, dict[str, int]] = {day.day: {} for day in planned.days}
    await aggregates.take_over(replaced | {day: staging.stats[day] for day in planned.stats_kept})
    counters = Counters(DayLabels(labels_max=limits.daily_labels_max))
    archive = Archive(directory, SegmentStates(aggregates), synchronous=synchronous)
    replay = Replay(aggregates, counters)
    log = EventLog(archive, replay.prepare)

    async def flush_if_many() -> None:
        if counters.keys >= limits.flush_keys_max:
            await flush_counters(counters, aggregates)

    replay.after_read = flush_if_many
    try:
        for imported in planned.days:
            segment = await log.enter(imported.day)
            if imported.added:
                await segment.take_over(staging.path)
            # Entering a segment is what counts its events.
            await log.close()
            segment = await log.enter(imported.day)
            await flush_counters(counters, aggregates)
            # The bits that tell the days of an installation apart reach back two months only.
            await aggregates.correct_unique_installations(imported.day, await segment.installations())
            on_rows(imported.added)
    finally:
        await log.close()


class _KnownDays(NamedTuple):
    """Days that have been counted here, that were taken over, and whose public numbers are made or given up."""

    counted: set[str]
    taken_over: set[str]
    closed: set[str]


def _known_days(directory: DataDirectory) -> _KnownDays:
    known = _KnownDays(set(), set(), set())
    if not directory.aggregates.exists():
        return known
    with read_only(directory.aggregates) as aggregates:
        # A dry run may find the schema of an older program.
        tables = {str(row[0]) for row in aggregates.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        if "segments" not in tables:
            return known
        if "imported_stats" in tables:
            known.taken_over.update(day for (day,) in aggregates.execute("SELECT DISTINCT date FROM imported_stats"))
        if "published_windows" in tables:
            known.closed.update(day for (day,) in aggregates.execute(_CLOSED_DAYS))
        counted = query("read_days_counted_here" if "imported_stats" in tables else "read_counted_days")
        known.counted.update(day for (day,) in aggregates.execute(counted))
    return known
