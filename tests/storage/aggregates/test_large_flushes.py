"""What a flush does with many rows: their order, what it keeps in memory, and the log that it leaves."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.storage.aggregates import database
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.aggregates.flushing import counters_per_flush
from telemetry.storage.aggregates.ordering import in_order
from telemetry.storage.sqlite.access import log_bytes
from tests.storage.aggregates.test_aggregates import DAY, LATER, delta

LOG_BYTES = 100_000


@given(items=st.lists(st.tuples(st.integers(0, 9), st.text(max_size=2)), max_size=200), part=st.integers(1, 60))
def test_parts_hold_all_items_in_their_order(items: list[tuple[int, str]], part: int) -> None:
    assert [item for together in in_order(items, part) for item in together] == sorted(items)


def test_no_part_is_much_larger_than_was_asked_for() -> None:
    items = {f"{number * 7_919 % 100_003:06}" for number in range(50_000)}

    parts = list(in_order(items, 1_000))

    assert max(map(len, parts)) < 3_000
    assert len(parts) < 100


@pytest.mark.parametrize(
    ("keys_max", "counter_keys_max", "megabytes", "expected"),
    [
        (100_000, 500_000, 0, 100_000),
        (100_000, 500_000, 100, 100_000),
        (100_000, 500_000, 120, 120_000),
        (100_000, 500_000, 240, 240_000),
        (100_000, 900_000, 5_000, 250_000),
        # Setting the one or the other decides.
        (100_000, 400_000, 5_000, 200_000),
        (200_000, 500_000, 5_000, 250_000),
        (300_000, 500_000, 5_000, 300_000),
        (5, 500_000, 0, 5),
    ],
)
def test_more_counters_wait_where_the_file_is_large(
    keys_max: int, counter_keys_max: int, megabytes: int, expected: int
) -> None:
    assert counters_per_flush(keys_max, counter_keys_max, megabytes * 1_000_000) == expected


@pytest.mark.parametrize("is_read", [False, True])
def test_a_large_flush_leaves_a_small_log_unless_a_reader_is_in_the_way(tmp_path: Path, *, is_read: bool) -> None:
    path = tmp_path / "telemetry.db"

    async def flush() -> int | None:
        aggregates = await Aggregates.open(path, synchronous="NORMAL")
        try:
            await aggregates.add(delta(DAY, 10, "api"))
            with closing(sqlite3.connect(path, isolation_level=None)) as reader:
                if is_read:
                    reader.execute("BEGIN")
                    reader.execute("SELECT count(*) FROM daily_stats").fetchall()
                await aggregates.add(delta(LATER, 2_000, "api"))
                return log_bytes(path)
        finally:
            await aggregates.close()

    with mock.patch.object(database, "WAL_BYTES_KEPT", LOG_BYTES):
        left = asyncio.run(flush()) or 0

    assert (left > LOG_BYTES) == is_read
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM signature_counts").fetchall() == [(2_000,)]


async def test_statements_are_undone_from_memory_only_while_a_flush_runs(tmp_path: Path) -> None:
    aggregates = await Aggregates.open(tmp_path / "telemetry.db", synchronous="NORMAL")
    default, memory = [(0,)], [(2,)]
    try:
        assert await aggregates.read("PRAGMA temp_store") == default
        async with aggregates.change(in_memory=True) as connection:
            assert list(await connection.execute_fetchall("PRAGMA temp_store")) == memory
        assert await aggregates.read("PRAGMA temp_store") == default
        with pytest.raises(ZeroDivisionError):
            async with aggregates.change(in_memory=True):
                raise ZeroDivisionError
        assert await aggregates.read("PRAGMA temp_store") == default
    finally:
        await aggregates.close()
