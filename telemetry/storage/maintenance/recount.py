"""The recount: what the aggregates should hold, made anew from the raw events.

It is built in a database of its own, by the same counters that count live events, so that memory stays bounded however
long the log is. What was forgotten is recorded, and added. Days whose raw events are gone, whole or in part, are of the
past: nothing can recount them, and what the aggregates hold of them is kept. So are sums that include them, unless the
raw events alone add up to more.
"""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from telemetry.clock import day_of
from telemetry.counting.aggregates import BOUNDED, COUNTED
from telemetry.counting.counters import Counters
from telemetry.counting.day_labels import DayLabels
from telemetry.counting.limits import CountingLimits
from telemetry.counting.names import Names
from telemetry.operator_errors import NoDataError
from telemetry.storage.aggregates.catalogue_versions import CatalogueVersions
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.aggregates.flushing import Adding, flush_counters
from telemetry.storage.aggregates.new_rows import AsCounted
from telemetry.storage.aggregates.row_statements import names_statement, row_statement
from telemetry.storage.erasure.exclusions import hashed
from telemetry.storage.log.replaying import count_stored
from telemetry.storage.log.segment import stored_event
from telemetry.storage.maintenance.pseudonyms import PseudonymousAggregates, Pseudonyms
from telemetry.storage.sqlite.copying import PATIENCE_S, Progress, no_progress
from telemetry.storage.sqlite.database_files import read_only_uri
from telemetry.storage.sqlite.queries import query
from telemetry.storage.sqlite.reading import ROWS_PER_READ, read_only

_KNOWN = "SELECT day, watermark, erased, retired FROM segments"
_LEAVING = "SELECT installation_sha256 FROM erasures WHERE counted_at IS NOT NULL AND finished_at IS NULL"


@dataclass(frozen=True, slots=True)
class RecountedSegment:
    """How one segment stands to the watermark of its day, and how many of its events were received on another day."""

    day: str
    watermark: int
    erased: int
    retired: int
    counted: int
    pending: int
    bytes: int = 0
    misplaced: int = 0
    # Installations whose erasing was interrupted: their events are still there, and count no more.
    leaving: frozenset[str] = frozenset()

    @property
    def missing(self) -> int:
        """How many events the aggregates include that the segment does not hold."""
        return self.watermark - self.erased - self.retired - self.counted


@dataclass(frozen=True, slots=True)
class _Counting:
    counters: Counters
    expected: Adding
    versions: CatalogueVersions
    keys_max: int
    on_bytes: Progress


@dataclass(slots=True)
class Recount:
    """What was recounted: the segments by day, and the days of the past, oldest first."""

    segments: list[RecountedSegment] = field(default_factory=list)
    past_days: list[str] = field(default_factory=list)

    @property
    def whole_days(self) -> list[str]:
        """The days whose raw events are all there."""
        whole = (state for state in self.segments if not (state.missing or state.retired))
        return [state.day for state in whole if state.counted or state.erased]


async def recount(
    current: Path,
    target: Path,
    segments: Mapping[str, Path],
    limits: CountingLimits,
    on_bytes: Progress = no_progress,
    *,
    pseudonyms: Pseudonyms | None = None,
) -> Recount:
    """Build in ``target`` what ``current``, a copy of the aggregates that nobody writes, should hold.

    ``segments`` are the sound ones, by day. Of each only what its watermark includes is counted, so they may be in use.
    If ``current`` names installations by ``pseudonyms``, so does ``target``.
    """
    found = Recount()
    expected = await Aggregates.open(target, synchronous="NORMAL", admission=AsCounted(current))
    adding: Adding = expected if pseudonyms is None else PseudonymousAggregates(expected, pseudonyms)
    try:
        with read_only(current) as now:
            known = {row[0]: tuple(map(int, row[1:])) for row in now.execute(_KNOWN)}
            leaving = {str(row[0]) for row in now.execute(_LEAVING)}
            states = [
                _state(path, *known.get(day, (0, 0, 0)), leaving=leaving) for day, path in sorted(segments.items())
            ]
            found.segments = [state for state in states if state is not None]
            counters = Counters(DayLabels(labels_max=limits.daily_labels_max), _names(now))
            found.past_days = _seed(target, current, found.whole_days)
            for number, state in enumerate(found.segments):
                metrics = now.execute("SELECT metric FROM daily_stats WHERE date = ?", (state.day,))
                counters.labels.restore(state.day, [str(row[0]) for row in metrics])
                counting = _Counting(
                    counters, adding, CatalogueVersions.read(now, state.day), limits.flush_keys_max, on_bytes
                )
                misplaced = await _count(segments[state.day], state, counting)
                found.segments[number] = replace(state, misplaced=misplaced)
        await flush_counters(counters, adding)
    finally:
        await expected.close()
    _keep_the_past(target, current)
    return found


def _names(current: sqlite3.Connection) -> dict[str, Names]:
    """Return the names that are counted; if some are counted as others, no name has been admitted since."""
    found = {}
    for aggregate in BOUNDED:
        admitted = current.execute(names_statement(aggregate)).fetchall()
        names = found[aggregate.table] = Names(aggregate, names_max=0 if aggregate.overflow in admitted else None)
        names.restore(admitted)
    return found


def _state(path: Path, watermark: int, erased: int, retired: int, *, leaving: set[str]) -> RecountedSegment | None:
    try:
        with read_only(path, wait_s=PATIENCE_S) as segment:
            if not segment.execute("PRAGMA user_version").fetchone()[0]:
                return RecountedSegment(path.stem, watermark, erased, retired, 0, 0)
            ids = segment.execute("SELECT DISTINCT installation_id FROM events") if leaving else ()
            left = frozenset(str(row[0]) for row in ids if hashed(str(row[0])) in leaving)
            ((counted, pending),) = segment.execute(query("count_segment_events"), (watermark, json.dumps(list(left))))
    except NoDataError:
        # Retention removed it in the meantime: its day is of the past.
        return None
    return RecountedSegment(path.stem, watermark, erased, retired, counted, pending, path.stat().st_size, leaving=left)


async def _count(path: Path, state: RecountedSegment, counting: _Counting) -> int:
    position, misplaced = 0, 0
    if not state.counted:
        return 0
    with read_only(path, wait_s=PATIENCE_S) as segment:
        while rows := segment.execute(query("read_events_after"), (position, ROWS_PER_READ)).fetchall():
            stored = [stored_event(row) for row in rows if row[0] <= state.watermark and row[4] not in state.leaving]
            count_stored(counting.counters, state.day, stored, counting.versions)
            misplaced += sum(day_of(event.received_at) != state.day for event in stored)
            counting.on_bytes(state.bytes * len(stored) // state.counted)
            position = rows[-1][0]
            if position >= state.watermark:
                break
            if counting.counters.keys >= counting.keys_max:
                await flush_counters(counting.counters, counting.expected)
    return misplaced


def _seed(target: Path, current: Path, whole_days: list[str]) -> list[str]:
    with closing(_attached(target, current)) as expected:
        expected.execute("CREATE TABLE whole_days (day TEXT PRIMARY KEY)")
        expected.executemany("INSERT INTO whole_days VALUES (?)", [(day,) for day in whole_days])
        expected.execute(query("create_past_days"))
        expected.execute(query("seed_installations"))
        expected.commit()
        return [str(row[0]) for row in expected.execute("SELECT day FROM past_days ORDER BY day")]


def _keep_the_past(target: Path, current: Path) -> None:
    with closing(_attached(target, current)) as expected:
        expected.execute("DELETE FROM daily_stats WHERE date NOT IN (SELECT day FROM whole_days)")
        expected.execute(query("fold_overflow"))
        expected.execute(query("keep_daily_stats"))
        expected.execute(query("add_imported_stats"))
        expected.execute(query("add_removed_stats"))
        expected.execute(query("keep_installations"))
        for aggregate in COUNTED:
            expected.execute(row_statement("add_removed_rows", aggregate))
        for aggregate in BOUNDED:
            expected.execute(row_statement("fold_rows", aggregate))
        for aggregate in COUNTED:
            expected.execute(row_statement("keep_rows", aggregate))
            expected.execute(row_statement("keep_gone_rows", aggregate))
        expected.commit()


def _attached(target: Path, current: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(target, uri=True)
    connection.execute("ATTACH ? AS current", (read_only_uri(current),))
    return connection
