"""A disk that is too full to close a window is not taken for a damaged segment."""

import sqlite3
from pathlib import Path

import pytest

from telemetry.closing import job, totals
from telemetry.closing.job import run
from telemetry.published.closings import Closing, Job
from telemetry.published.windows import Period
from telemetry.storage.directory.data_directory import DataDirectory
from tests.support.publishing import Crowd, pass_crowded_day, production
from tests.support.service import HandClock, service

DAYS = ("2026-11-02", "2026-11-03")


async def test_a_full_disk_is_no_damage_and_the_window_is_closed_later(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = HandClock(f"{DAYS[0]}T12:00:00")
    async with service(data_dir, hand, **production()) as started:
        for _ in DAYS:
            await pass_crowded_day(started, hand, Crowd(1), range(20))
    one = Job([Closing(Period.DAY, DAYS[1], {DAYS[1]: 100})], threshold=5)
    monkeypatch.setattr(totals, "_KEYS_MAX", 1)
    throwaway = job.throwaway

    def full(path: Path) -> sqlite3.Connection:
        connection = throwaway(path)
        if path.name.startswith("day"):
            connection.execute("PRAGMA max_page_count = 3")
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(job, "throwaway", full)
        with pytest.raises(sqlite3.OperationalError, match="full"):
            run(DataDirectory(data_dir), one)
    assert run(DataDirectory(data_dir), one).closed
