"""The public rows of the same events are the same, whatever makes them and however little memory it has."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from telemetry.closing import totals
from telemetry.closing.job import run
from telemetry.closing.publication import rows_digest
from telemetry.published.closings import Closing, Job
from telemetry.published.windows import Period
from telemetry.storage.directory.data_directory import DataDirectory
from tests.support import oracle
from tests.support.publication import drop_added
from tests.support.publishing import Crowd, pass_crowded_day, production
from tests.support.service import HandClock, service

DAYS = ["2026-11-02", "2026-11-03", "2026-11-04"]
# Of the rows as the first program that published had made them. Whoever changes them has changed what is final. Columns
# that were added since are left out.
DIGESTS = {
    Period.DAY: "919ed6ee36aae20f7655eb2ccffa2f23975a3997e583b9f002e54b7a9d4c48d2",
    Period.WEEK: "737c9475f2c7406f9e1cc1d4554f277c8be5987f2876d855abc8dc4d4124e5c6",
    Period.FOUR_WEEKS: "a62a5b2462829484a4fd0e37c3adb521b570cc5feafee03bc7eaa70fd55ef39f",
}


async def test_the_rows_of_a_window_are_what_they_have_always_been(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand, crowd = HandClock(f"{DAYS[0]}T12:00:00"), Crowd(7)
    async with service(data_dir, hand, **production()) as started:
        for _ in DAYS:
            await pass_crowded_day(started, hand, crowd, range(-1, 30), events=30)
    events = oracle.raw_events(data_dir)
    last_ids = {day: max(event.id for event in events if event.day == day) for day in DAYS}
    job = Job(
        [
            Closing(Period.DAY, DAYS[2], {DAYS[2]: last_ids[DAYS[2]]}),
            Closing(Period.WEEK, DAYS[0], last_ids),
            Closing(Period.FOUR_WEEKS, DAYS[0], last_ids),
        ],
        threshold=5,
    )
    for keys_max in (10_000, 3):
        monkeypatch.setattr(totals, "_KEYS_MAX", keys_max)
        closed = run(DataDirectory(data_dir), job).closed
        path = data_dir / "published.db"
        with contextlib.closing(sqlite3.connect(path)) as connection:
            assert all(one.digest == rows_digest(connection, one.period, one.start) for one in closed or [])
        path.chmod(0o600)
        drop_added(path)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            found = {
                period: rows_digest(connection, period, DAYS[2 if period is Period.DAY else 0]) for period in Period
            }
        assert found == DIGESTS
        path.unlink()
