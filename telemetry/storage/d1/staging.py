"""The staging database of an import: the old worker's rows as they will be stored, and what became of each."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from telemetry.catalogue.stored_ids import IdKey
from telemetry.clock import day_of
from telemetry.counting.day_labels import DayLabels
from telemetry.storage.d1.rows import Judged, OldRow, Reason, RowRefusedError, judge, judge_counter
from telemetry.storage.erasure.erasures import Erasure
from telemetry.storage.erasure.exclusions import hashed
from telemetry.storage.sqlite.copying import Progress
from telemetry.storage.sqlite.database_files import read_only_uri
from telemetry.storage.sqlite.errors import telling_damage
from telemetry.storage.sqlite.queries import query

_ROWS_PER_WRITE = 1_000
_TEMPORARY_CACHE_KIB = 65_536

Refused = Callable[[str, dict[str, Any], RowRefusedError], None]
"""Is told the table, the columns and the reason of each row that is refused."""


@dataclass(slots=True)
class Judgement:
    """How many rows of the old worker were kept, mapped and refused; each is one of these."""

    kept: int = 0
    mapped: int = 0
    mappings: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    counters_refused: Counter[str] = field(default_factory=Counter)


class Staging:
    """Owns the staging database; ``stats`` are the old counts by day and metric, ``old_totals`` the events in them.

    ``erasures`` tell by hashed ids whose events are not taken over. ``id_key`` makes the stored form of ids; those that
    have it already, out of a segment of this service, keep it.
    """

    def __init__(self, path: Path, erasures: Mapping[str, Erasure], id_key: IdKey) -> None:
        self.path = path
        self.judgement = Judgement()
        self.stats: dict[str, dict[str, int]] = {}
        self.old_totals: dict[str, int] = {}
        self._erasures = erasures
        self._id_key = id_key
        self._connection = sqlite3.connect(path, uri=True)
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute(f"PRAGMA cache_size = -{_TEMPORARY_CACHE_KIB}")
        self._connection.execute(query("create_staged_events"))
        # A segment may hold ids as they were sent: it was written before ids were hashed.
        self._connection.create_function("stored_id", 1, id_key.stored_once, deterministic=True)
        self._connection.execute("CREATE INDEX events_by_day ON events (day, created_at)")

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def take_events(
        self, old: sqlite3.Connection, retention: timedelta, now: datetime, on_refused: Refused, on_rows: Progress
    ) -> None:
        """Judge and stage every event."""
        columns = "id, type, timestamp, installation_id, drift_version, payload, created_at"
        found = old.execute(f"SELECT {columns} FROM events ORDER BY id")
        while rows := found.fetchmany(_ROWS_PER_WRITE):
            self._write(list(self._judged([OldRow(*row) for row in rows], retention, now, on_refused)))
            on_rows(len(rows))
        self._connection.commit()

    def take_counters(self, old: sqlite3.Connection, labels: DayLabels, on_refused: Refused) -> None:
        """Judge the rows of the old ``daily_stats``, if there are any; labels beyond the bound are counted together."""
        if not old.execute("SELECT 1 FROM sqlite_schema WHERE name = 'daily_stats'").fetchone():
            return
        for row in old.execute("SELECT date, metric, value FROM daily_stats ORDER BY date, value DESC, metric"):
            try:
                day, prefix, label, value = judge_counter(*row)
            except RowRefusedError as refused:
                self.judgement.counters_refused[refused.reason] += 1
                on_refused("daily_stats", dict(zip(("date", "metric", "value"), row, strict=True)), refused)
                continue
            metric = labels.metric(day, prefix, label) if label else prefix
            metrics = self.stats.setdefault(day, {})
            metrics[metric] = metrics.get(metric, 0) + value
            self.old_totals[day] = self.old_totals.get(day, 0) + (value if prefix == "events" else 0)

    def days(self) -> dict[str, int]:
        """Return how many events are staged for each day, oldest day first."""
        return dict(self._connection.execute("SELECT day, count(*) FROM events GROUP BY day ORDER BY day"))

    def count(self, day: str) -> int:
        """Return how many events are staged for one day."""
        return int(self._connection.execute("SELECT count(*) FROM events WHERE day = ?", (day,)).fetchone()[0])

    def drop_stored(self, segment: Path) -> int:
        """Drop what a segment holds already; return how many events it holds."""
        with telling_damage(segment), self._attached(segment):
            if not self._connection.execute("PRAGMA segment.user_version").fetchone()[0]:
                return 0
            self._connection.execute(query("drop_stored_events"), (segment.stem,))
            self._connection.commit()
            return int(self._connection.execute("SELECT count(*) FROM segment.events").fetchone()[0])

    def drop_day(self, day: str) -> None:
        """Drop what is staged for a day."""
        self._connection.execute("DELETE FROM events WHERE day = ?", (day,))
        self._connection.commit()

    @contextmanager
    def _attached(self, segment: Path) -> Iterator[None]:
        self._connection.execute("ATTACH ? AS segment", (read_only_uri(segment),))
        try:
            yield
        finally:
            self._connection.execute("DETACH segment")

    def _judge(self, old: OldRow, retention: timedelta, now: datetime) -> Judged:
        judged = judge(old, retention, now, self._id_key)
        erasure = self._erasure(judged) if self._erasures else None
        if erasure is not None and erasure.kind == "exclude":
            raise RowRefusedError(Reason.EXCLUDED)
        # Its events of that time stay in the numbers: taken over again, they would count twice.
        if erasure is not None and judged.received_at <= erasure.requested_at:
            raise RowRefusedError(Reason.FORGOTTEN)
        return judged

    def _erasure(self, judged: Judged) -> Erasure | None:
        """Return the erasure of an installation; one from before ids were hashed knows it by its id as sent."""
        found = [self._erasures.get(hashed(one)) for one in {judged.sent_id, judged.row.installation_id}]
        known = [erasure for erasure in found if erasure is not None]
        return max(known, key=lambda erasure: (erasure.kind == "exclude", erasure.requested_at), default=None)

    def _judged(
        self, rows: list[OldRow], retention: timedelta, now: datetime, on_refused: Refused
    ) -> Iterator[tuple[object, ...]]:
        judgement = self.judgement
        for old in rows:
            try:
                row, _, received_at, mappings = self._judge(old, retention, now)
            except RowRefusedError as refused:
                judgement.refused[refused.reason] += 1
                on_refused("events", old._asdict(), refused)
                continue
            judgement.mappings.update(mappings)
            judgement.mapped += bool(mappings)
            judgement.kept += not mappings
            columns = (row.type, row.timestamp, row.installation_id, row.drift_version, row.payload)
            yield (old.id, day_of(received_at), received_at, *columns)

    def _write(self, rows: list[tuple[object, ...]]) -> None:
        self._connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
