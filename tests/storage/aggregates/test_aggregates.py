"""What a flush writes, whatever fits into one of its statements."""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.counting.deltas import CODE, Delta
from telemetry.storage.aggregates.database import Aggregates

DAY, LATER = "2026-11-23", "2026-11-24"


def delta(day: str, count: int, category: str) -> Delta:
    received_at = f"{day} 10:00:00"
    row = CODE["signature_counts"].row
    numbers = [f"{number:05}" for number in range(count)]
    return Delta(
        daily={day: Counter({f"category:c{number}": 2 for number in numbers})},
        rows=Delta().rows | {
            "signature_counts": {
                number: row(1, number, "ts", category, "ast", 3, 2_400_000, 9, 1, received_at, received_at)
                for number in numbers
            }
        },
        installations={day: set(numbers)},
        watermarks={day: count},
    )  # fmt: skip


@pytest.mark.parametrize("count", [1, 2, 3, 2_048, 2_049, 8_192, 8_193, 20_001])
async def test_a_flush_of_any_size_is_whole_and_adds_to_the_one_before(tmp_path: Path, count: int) -> None:
    path = tmp_path / "telemetry.db"
    aggregates = await Aggregates.open(path, synchronous="NORMAL")
    try:
        await aggregates.add(delta(DAY, count, "api"))
        await aggregates.add(delta(LATER, count, "api"))
        await aggregates.add(delta(DAY, count, "api"))
    finally:
        await aggregates.close()
    with closing(sqlite3.connect(path)) as connection:
        signatures = connection.execute(
            "SELECT DISTINCT occurrence_count, confidence_millionths, locations, outliers, first_seen, last_seen, "
            "category, count(*) OVER () FROM signature_counts"
        ).fetchall()
        installations = connection.execute(
            "SELECT DISTINCT first_seen, last_seen, count(*) OVER () FROM installations"
        ).fetchall()
        stats = dict(connection.execute("SELECT date || ' ' || metric, value FROM daily_stats"))
    assert signatures == [(9, 7_200_000, 27, 3, f"{DAY} 10:00:00", f"{LATER} 10:00:00", "api", count)]
    assert installations == [(DAY, LATER, count)]
    assert len(stats) == 2 * count + 3
    assert [stats.pop(f"{DAY} new_installations"), *map(stats.pop, uniques())] == [count] * 3
    assert sum(stats.values()) == 6 * count


def uniques() -> list[str]:
    return [f"{day} unique_installations" for day in (DAY, LATER)]
