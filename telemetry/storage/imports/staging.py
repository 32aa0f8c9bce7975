"""The staging database of an import: events as they will be stored, and what became of each."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

from telemetry.catalogue.stored_ids import IdKey
from telemetry.clock import day_of
from telemetry.counting.day_labels import DayLabels
from telemetry.operator_errors import DamagedError
from telemetry.storage.erasure.erasures import Erasure
from telemetry.storage.erasure.exclusions import hashed
from telemetry.storage.imports.rows import Judged, OldRow, Reason, RowRefusedError, judge, judge_counter
from telemetry.storage.sqlite.database_files import read_only_uri
from telemetry.storage.sqlite.errors import telling_damage
from telemetry.storage.sqlite.queries import query

# Enough to keep a dry run of a million events off the disk.
_TEMPORARY_CACHE_KIB = 65_536
_IDENTITY_BYTES = 16
# Each raw event is in one of their counts.
_OF_EVENTS = {"events", "results"}

Refused = Callable[[str, dict[str, Any], RowRefusedError], None]
"""Is told the table, the columns and the reason of each row that is refused."""


@dataclass(slots=True)
class Judgement:
    """How many rows were kept, mapped and refused; each is one of these."""

    kept: int = 0
    mapped: int = 0
    mappings: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    counters_refused: Counter[str] = field(default_factory=Counter)


class Staging:
    """Owns the staging database; ``stats`` are the counts by day and metric, ``old_totals`` the events in them.

    Without ``path``, as in a dry run, only the identities of events are kept, in memory if they fit. Events of the
    hashed ids in ``erasures`` are not taken over. ``id_key`` makes the stored form of ids; ids that are already in that
    form stay as they are. ``logged`` events come from an instance of this service.
    """

    def __init__(
        self, path: Path | None, erasures: Mapping[str, Erasure], id_key: IdKey, *, logged: bool = False
    ) -> None:
        self.judgement = Judgement()
        self.stats: dict[str, dict[str, int]] = {}
        self.old_totals: dict[str, int] = {}
        self._path = path
        self._erasures = erasures
        self._id_key = id_key
        self._logged = logged
        self._connection = sqlite3.connect(path or "", uri=True)
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute(f"PRAGMA cache_size = -{_TEMPORARY_CACHE_KIB}")
        self._connection.execute(query("create_staged_events"))
        # A segment may hold ids as they were sent: it was written before ids were hashed.
        self._connection.create_function("stored_id", 1, id_key.stored_once, deterministic=True)
        self._connection.create_function("identity", -1, _identity, deterministic=True)
        self._connection.execute("CREATE INDEX events_by_day ON events (day, created_at)")

    @property
    def path(self) -> Path:
        """Where the database is."""
        assert self._path is not None, "a dry run stages nothing to be taken over"
        return self._path

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def take_events(
        self, chunks: Iterable[list[OldRow]], retention: timedelta, now: datetime, on_refused: Refused
    ) -> None:
        """Judge and stage events; raise ``DamagedError`` if two have the same id."""
        for rows in chunks:
            try:
                self._write(list(self._judged(rows, retention, now, on_refused)))
            except sqlite3.IntegrityError as error:
                raise DamagedError(f"two events have the same id ({error}): import one export at a time") from error
        self._connection.commit()

    def take_counters(self, rows: Iterable[tuple[Any, ...]], labels: DayLabels, on_refused: Refused) -> None:
        """Judge rows of ``daily_stats``: date, metric and value. Labels beyond the bound are counted together."""
        for row in rows:
            try:
                day, prefix, label, value = judge_counter(*row)
            except RowRefusedError as refused:
                self.judgement.counters_refused[refused.reason] += 1
                on_refused("daily_stats", dict(zip(("date", "metric", "value"), row, strict=True)), refused)
                continue
            metric = labels.metric(day, prefix, label) if label else prefix
            metrics = self.stats.setdefault(day, {})
            metrics[metric] = metrics.get(metric, 0) + value
            self.old_totals[day] = self.old_totals.get(day, 0) + (value if prefix in _OF_EVENTS else 0)

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
        judged = judge(old, retention, now, self._id_key, logged=self._logged)
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
            columns = (received_at, row.type, row.timestamp, row.installation_id, row.drift_version, row.payload)
            yield (
                old.id,
                day_of(received_at),
                _identity(*columns),
                *(columns if self._path else [None] * len(columns)),
            )

    def _write(self, rows: list[tuple[object, ...]]) -> None:
        self._connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


def _identity(*columns: str) -> bytes:
    """Return what tells an event apart from all others, of as many bytes as never collide by chance."""
    return blake2b(repr(columns).encode(), digest_size=_IDENTITY_BYTES).digest()
