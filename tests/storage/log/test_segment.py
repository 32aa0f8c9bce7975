import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.catalogue.rows import Row
from telemetry.storage.log.segment import ROWS_PER_STATEMENT_MAX, Segment

RECEIVED_AT = "2026-11-24 12:00:00"
DAY = "2026-11-24"


def rows(count: int) -> list[Row]:
    return [Row("scan_completion", RECEIVED_AT, "a", "1.0.0", f'{{"n":{number}}}') for number in range(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 64, 65, ROWS_PER_STATEMENT_MAX, ROWS_PER_STATEMENT_MAX + 1, 2_500])
async def test_rows_get_ids_in_their_order_whatever_their_number(tmp_path: Path, count: int) -> None:
    segment = await Segment.open(tmp_path / f"{DAY}.db", synchronous="FULL", witness=tmp_path / "lock")
    first = await segment.append(rows(7), RECEIVED_AT)
    second = await segment.append(rows(count), RECEIVED_AT)
    stored = await segment.read_after(7, 10_000)
    await segment.close()

    assert first == range(1, 8)
    assert second == range(8, 8 + count)
    assert [event.id for event in stored] == list(second)
    assert [event.row for event in stored] == rows(count)
    assert {event.received_at for event in stored} == {RECEIVED_AT}


async def test_of_a_group_that_fails_in_its_last_statement_nothing_is_stored(tmp_path: Path) -> None:
    path = tmp_path / f"{DAY}.db"
    segment = await Segment.open(path, synchronous="FULL", witness=tmp_path / "lock")
    group = rows(2 * ROWS_PER_STATEMENT_MAX + 1)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            f"""CREATE TRIGGER planted BEFORE INSERT ON events WHEN new.payload = '{group[-1].payload}'
            BEGIN SELECT RAISE(ABORT, 'planted'); END"""
        )

    with pytest.raises(sqlite3.IntegrityError, match="planted"):
        await segment.append(group, RECEIVED_AT)
    assert await segment.read_after(0, 10) == []
    assert await segment.append(group[:-1], RECEIVED_AT) == range(1, len(group))
    await segment.close()
