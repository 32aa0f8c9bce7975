"""The public statistics, read from the aggregates; raw events are never scanned."""

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec

from telemetry.clock import iso_milliseconds
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.sqlite.queries import query

PERIOD_DAYS = 30
ACTIVE_DAYS = (1, 7, 30)


class Stats(msgspec.Struct, frozen=True):
    """Sums over the last thirty UTC days, today included; metrics come largest first."""

    total_events: int
    metrics: dict[str, int]
    active_installations: dict[str, int]

    def document(self, *, generated_at: float, as_of: float) -> dict[str, Any]:
        """Return the public document; the times are Unix seconds, and it includes what was counted up to ``as_of``."""
        return {
            "period": f"last_{PERIOD_DAYS}_days",
            "totalEvents": self.total_events,
            "metrics": self.metrics,
            "generatedAt": iso_milliseconds(generated_at),
            "activeInstallations": self.active_installations,
            "asOf": iso_milliseconds(as_of),
        }


async def read_stats(aggregates: Aggregates, today: date) -> Stats:
    """Read the statistics as the aggregates have them now."""
    metrics = await aggregates.read(query("sum_metrics"), _period(today))
    (active,) = await aggregates.read(query("count_active_installations"), _active_periods(today))
    return _stats(metrics, active)


def read_stats_from(connection: sqlite3.Connection, today: date) -> Stats:
    """Read the statistics from outside the service, as of one moment."""
    connection.execute("BEGIN")
    metrics = connection.execute(query("sum_metrics"), _period(today)).fetchall()
    (active,) = connection.execute(query("count_active_installations"), _active_periods(today))
    return _stats(metrics, active)


def _stats(sums: Iterable[Sequence[Any]], active: Iterable[Any]) -> Stats:
    metrics = {str(metric): int(total) for metric, total in sums}
    return Stats(
        total_events=sum(value for metric, value in metrics.items() if metric.startswith("events:")),
        metrics=metrics,
        active_installations={str(days): int(count) for days, count in zip(ACTIVE_DAYS, active, strict=True)},
    )


def _period(today: date) -> tuple[str, str]:
    return _first_day(today, PERIOD_DAYS), today.isoformat()


def _active_periods(today: date) -> tuple[str, ...]:
    return (*(_first_day(today, days) for days in ACTIVE_DAYS), today.isoformat())


def _first_day(today: date, days: int) -> str:
    return (today - timedelta(days=days - 1)).isoformat()
