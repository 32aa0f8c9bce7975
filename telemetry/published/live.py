"""The statistics of the last thirty days, read from the aggregates; raw events are never scanned."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import msgspec

from telemetry.clock import iso_milliseconds
from telemetry.published.fitting import SHOWN_LABELS_MAX, fitted
from telemetry.storage.sqlite.queries import query

PERIOD_DAYS = 30
ACTIVE_DAYS = (1, 7, 30)


class Stats(msgspec.Struct, frozen=True):
    """Sums over the last thirty UTC days, today included; metrics come largest first.

    ``labels_as_of`` is the last day of what is not a count of events by type, or None where that is live too or no day
    is closed. ``folded`` is how many labels of a prefix are in its ``other``.
    """

    total_events: int
    metrics: dict[str, int]
    active_installations: dict[str, int]
    labels_as_of: str | None = None
    folded: dict[str, int] = {}

    def document(self, *, generated_at: float, as_of: float) -> dict[str, Any]:
        """Return the public document; the times are Unix seconds, and it includes what was counted up to ``as_of``."""
        return {
            "period": f"last_{PERIOD_DAYS}_days",
            "totalEvents": self.total_events,
            "metrics": self.metrics,
            "generatedAt": iso_milliseconds(generated_at),
            "activeInstallations": self.active_installations,
            "asOf": iso_milliseconds(as_of),
            "labelsAsOf": self.labels_as_of,
            "folded": self.folded,
        }


def read_stats_from(connection: sqlite3.Connection, today: date) -> Stats:
    """Read all statistics as of one moment, for the operator."""
    connection.execute("BEGIN")
    metrics = connection.execute(query("sum_metrics"), _period(today)).fetchall()
    (active,) = connection.execute(query("count_active_installations"), _active_periods(today))
    return Stats(total_of(metrics), {str(metric): int(total) for metric, total in metrics}, by_days(active))


class Statement(NamedTuple):
    """A query of the aggregates with its parameters."""

    sql: str
    parameters: tuple[object, ...]


def live_statements(today: date) -> tuple[Statement, Statement]:
    """Return what has to be read for statistics that are live throughout: sums of metrics, and active installations."""
    return (
        Statement(query("sum_public_metrics"), (*_period(today), SHOWN_LABELS_MAX)),
        Statement(query("count_active_installations"), _active_periods(today)),
    )


def live_stats(metrics: Iterable[Sequence[Any]], active: Iterable[Sequence[Any]]) -> Stats:
    """Return statistics from the rows of ``live_statements``."""
    rows = list(metrics)
    (counts,) = active
    shown, folded = fitted((str(metric), int(total)) for metric, total, _ in rows)
    before = Counter({str(metric).partition(":")[0]: int(few) for metric, _, few in rows if few})
    return Stats(total_of(rows), shown, by_days(counts), folded=dict(sorted((before + Counter(folded)).items())))


def events_statement(today: date, days: int = PERIOD_DAYS) -> Statement:
    """Return what has to be read for the events by type of some days up to today."""
    named = [_first_day(today, ago + 1) for ago in range(days)]
    return Statement(query("sum_events_by_type"), (msgspec.json.encode(named).decode(),))


def total_of(sums: Iterable[Sequence[Any]]) -> int:
    """Return how many events the metrics count."""
    return sum(int(row[1]) for row in sums if str(row[0]).startswith("events:"))


def by_days(counts: Iterable[Any]) -> dict[str, int]:
    """Return installations that were active by the days that they were active in."""
    return {str(days): int(count) for days, count in zip(ACTIVE_DAYS, counts, strict=True)}


def _period(today: date) -> tuple[str, str]:
    return _first_day(today, PERIOD_DAYS), today.isoformat()


def _active_periods(today: date) -> tuple[str, ...]:
    return (*(_first_day(today, days) for days in ACTIVE_DAYS), today.isoformat())


def _first_day(today: date, days: int) -> str:
    return (today - timedelta(days=days - 1)).isoformat()
