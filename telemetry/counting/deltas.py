"""Deltas: what events add to the aggregates. They merge in any order, and only ever add."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from telemetry.counting.aggregates import COUNTED
from telemetry.counting.compiling import compiled

CODE = {aggregate.table: compiled(aggregate) for aggregate in COUNTED}
"""What counts each aggregate that is counted from events, by table."""


def _no_rows() -> dict[str, dict[Any, Any]]:
    return {table: {} for table in CODE}


@dataclass(slots=True)
class Delta:
    """Contributions to the aggregates, with the watermark of each segment that they reach.

    ``daily`` holds counts by day and metric, ``rows`` those of each counted aggregate by table and key, and
    ``installations`` the ids seen on each day.
    """

    daily: dict[str, Counter[str]] = field(default_factory=dict)
    rows: dict[str, dict[Any, Any]] = field(default_factory=_no_rows)
    installations: dict[str, set[str]] = field(default_factory=dict)
    watermarks: dict[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.watermarks)

    @property
    def keys(self) -> int:
        """How many rows of the aggregates a flush of this touches."""
        return sum(map(len, (*self.daily.values(), *self.installations.values(), *self.rows.values())))

    def merge(self, other: "Delta") -> None:
        """Take in ``other``, which must not be used afterwards."""
        for day, metrics in other.daily.items():
            self.daily.setdefault(day, Counter()).update(metrics)
        for table, rows in other.rows.items():
            mine, merge = self.rows[table], CODE[table].merge
            for key, row in rows.items():
                if (same := mine.setdefault(key, row)) is not row:
                    merge(same, row)
        for day, installations in other.installations.items():
            self.installations.setdefault(day, set()).update(installations)
        for day, watermark in other.watermarks.items():
            self.watermarks[day] = max(watermark, self.watermarks.get(day, 0))
