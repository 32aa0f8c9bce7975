"""The public statistics, read from the aggregates; raw events are never scanned."""

from datetime import date, timedelta

import msgspec

from telemetry.storage.aggregates import Aggregates
from telemetry.storage.queries import query

PERIOD_DAYS = 30
ACTIVE_DAYS = (1, 7, 30)


class Stats(msgspec.Struct, frozen=True):
    """Sums over the last thirty UTC days, today included; metrics come largest first."""

    total_events: int
    metrics: dict[str, int]
    active_installations: dict[str, int]


async def read_stats(aggregates: Aggregates, today: date) -> Stats:
    """Read the statistics as the aggregates have them now."""
    first_day = _first_day(today, PERIOD_DAYS)
    found = await aggregates.read(query("sum_metrics"), (first_day, today.isoformat()))
    metrics = {str(metric): int(total) for metric, total in found}
    first_days = tuple(_first_day(today, days) for days in ACTIVE_DAYS)
    (active,) = await aggregates.read(query("count_active_installations"), first_days)
    return Stats(
        total_events=sum(value for metric, value in metrics.items() if metric.startswith("events:")),
        metrics=metrics,
        active_installations={str(days): int(count) for days, count in zip(ACTIVE_DAYS, active, strict=True)},
    )


def _first_day(today: date, days: int) -> str:
    return (today - timedelta(days=days - 1)).isoformat()
