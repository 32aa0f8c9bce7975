"""A thread seals a segment as a process does."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.running import running
from telemetry.settings import Settings
from telemetry.storage.log.sealing_thread import SealingThread
from telemetry.storage.sqlite.background import NotNowError
from tests.support import oracle
from tests.support.events import Traffic, encode
from tests.support.segments import is_sealed, pass_a_day, sealed_days, segment
from tests.support.service import HandClock, service

FIRST = "2026-11-23"


async def test_a_thread_seals_days_and_the_service_goes_on(data_dir: Path) -> None:
    hand = HandClock()
    async with running(Settings(data_dir=str(data_dir)), hand.clock, start_sealing=SealingThread.start) as started:
        await pass_a_day(started, hand, Traffic(moment=hand.now))
        await started.upkeep.sealer.check()
        await started.service.accept(encode(Traffic(moment=hand.now).batch(5)))

    assert is_sealed(segment(data_dir, FIRST))
    assert sealed_days(data_dir) == [FIRST]
    assert oracle.read(data_dir / "telemetry.db", "SELECT rows FROM segments WHERE sealed_at IS NOT NULL") == [(5,)]
    assert len(oracle.check(data_dir)) == 10


async def test_a_thread_leaves_a_segment_whose_last_events_are_not_counted(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(Traffic(moment=hand.now).batch(5)))

    sealing = await SealingThread.start(segment(data_dir, FIRST), 4)
    await sealing.stop()
    with pytest.raises(NotNowError):
        sealing.counts()
    assert not is_sealed(segment(data_dir, FIRST))
    with closing(sqlite3.connect(segment(data_dir, FIRST))) as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (5,)
