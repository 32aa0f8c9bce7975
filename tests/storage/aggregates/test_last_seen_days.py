"""How many installations were last seen on each day, as every change of the installations leaves it."""

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.counting.deltas import Delta
from telemetry.published.live import ACTIVE_DAYS, read_stats_from
from telemetry.storage.aggregates.comparison import differences
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.aggregates.segment_states import SegmentStates
from telemetry.storage.sqlite.queries import folder
from tests.support.oracle import read

TODAY = date(2026, 11, 23)
KEPT = "SELECT last_seen, installations FROM last_seen_days WHERE installations != 0 ORDER BY 1"
COUNTED = "SELECT last_seen, count(*) FROM installations GROUP BY 1 ORDER BY 1"
# Within two months: the bits that tell the days of an installation apart reach back no further.
AGO = st.integers(min_value=-20, max_value=35)
IDS = st.sets(st.sampled_from("abcdefgh"), max_size=4)


def day(ago: int) -> str:
    return (TODAY - timedelta(days=ago)).isoformat()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "telemetry.db"


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "telemetry.db"
    asyncio.run(flush(path, []))
    return path


async def flush(path: Path, seen: list[tuple[int, set[str]]]) -> None:
    aggregates = await Aggregates.open(path, synchronous="NORMAL")
    try:
        for ago, ids in seen:
            await aggregates.add(Delta(installations={day(ago): set(ids)}, watermarks={day(ago): 1}))
    finally:
        await aggregates.close()


@given(seen=st.lists(st.tuples(AGO, IDS), max_size=8), erased=IDS)
def test_active_installations_are_those_seen_in_the_period_in_whatever_order_days_come(
    empty: Path, seen: list[tuple[int, set[str]]], erased: set[str]
) -> None:
    path = Path(shutil.copy(empty, empty.with_name("used.db")))
    asyncio.run(flush(path, seen))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany("DELETE FROM installations WHERE installation_id = ?", [(one,) for one in erased])
    with closing(sqlite3.connect(path)) as connection:
        active = read_stats_from(connection, TODAY).active_installations

    expected = {
        str(days): len({one for ago, ids in seen if 0 <= ago < days for one in ids} - erased) for days in ACTIVE_DAYS
    }
    assert active == expected
    assert read(path, KEPT) == read(path, COUNTED)


def test_publishing_reads_no_installations_unless_some_are_of_days_to_come(path: Path) -> None:
    asyncio.run(flush(path, [(0, {"a"}), (3, {"b"})]))
    few = instructions(path, active=1)
    asyncio.run(flush(path, [(0, {f"{number:05}" for number in range(2_000)})]))

    assert instructions(path, active=2_001) < 2 * few
    asyncio.run(flush(path, [(-1, {"b"})]))
    assert instructions(path, active=2_001) > 2_000


def instructions(path: Path, active: int) -> int:
    """Return how many of SQLite's instructions it takes to read the statistics."""
    steps: list[int] = []
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.set_progress_handler(lambda: steps.append(1), 1)
        assert read_stats_from(connection, TODAY).active_installations["1"] == active
    return len(steps)


def test_a_difference_is_found_and_repaired(path: Path, tmp_path: Path) -> None:
    expected = tmp_path / "expected.db"
    for file in (path, expected):
        asyncio.run(flush(file, [(0, {"a", "b"}), (1, {"c"})]))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE last_seen_days SET installations = 7")
        connection.execute("UPDATE installations SET last_seen = ? WHERE installation_id = 'c'", (day(2),))
    counts, shown = differences(path, expected, 10)
    assert counts["last_seen_days"] == 3
    assert (day(0), (7,), (2,)) in [(one.key[0], one.found, one.expected) for one in shown]

    asyncio.run(adopt(path, expected))

    assert sum(differences(path, expected, 10)[0].values()) == 0
    assert read(path, KEPT) == read(path, COUNTED) == [(day(1), 1), (day(0), 2)]


async def adopt(path: Path, expected: Path) -> None:
    aggregates = await Aggregates.open(path, synchronous="NORMAL")
    try:
        await aggregates.adopt(expected)
    finally:
        await aggregates.close()


@pytest.mark.parametrize("looked_at_once", [1, 3, 100])
def test_retired_installations_are_found_wherever_they_are(path: Path, looked_at_once: int) -> None:
    asyncio.run(flush(path, [(9, {"a", "d", "g"}), (8, {"b", "h"}), (2, {"c", "e", "f"})]))

    looks = asyncio.run(retire(path, looked_at_once))

    assert read(path, "SELECT installation_id FROM installations") == [("c",), ("e",), ("f",)]
    assert read(path, KEPT) == read(path, COUNTED)
    assert looks <= 8 // looked_at_once + 2


async def retire(path: Path, limit: int) -> int:
    aggregates = await Aggregates.open(path, synchronous="NORMAL")
    try:
        states = SegmentStates(aggregates)
        for ago in (9, 8):
            await states.retire(day(ago), 1, f"{day(0)} 12:00:00")
        return [await states.delete_retired_installations(day(2), limit) for _ in range(20)].index(False)
    finally:
        await aggregates.close()


def test_a_migration_counts_the_installations_that_are_there() -> None:
    scripts = sorted((folder() / "migrations" / "aggregates").glob("*.sql"))
    (this,) = (script for script in scripts if script.stem.endswith("last_seen_days"))
    with closing(sqlite3.connect(":memory:")) as connection:
        for script in scripts[: scripts.index(this)]:
            connection.executescript(script.read_text())
        connection.executemany("INSERT INTO installations VALUES (?, ?, ?, 1)", rows())
        connection.executescript(this.read_text())

        assert connection.execute(KEPT).fetchall() == [(day(1), 2), (day(0), 4)]


def rows() -> Iterator[tuple[str, str, str]]:
    for number in range(6):
        yield f"{number}", day(5), day(int(number < 2))
