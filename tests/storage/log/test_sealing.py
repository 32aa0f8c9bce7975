"""Case 20 of the fault list: days end, their segments are sealed, and neither readers nor crashes are in the way."""

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.storage.log.sealing_process import SealingProcess
from tests.support import oracle
from tests.support.events import Traffic, encode
from tests.support.segments import DAY_S, is_running, is_sealed, pass_a_day, sealed_days, sealing_stopped, segment
from tests.support.service import HandClock, service

FIRST, SECOND = "2026-11-23", "2026-11-24"


async def test_a_day_that_is_over_is_sealed_though_no_event_came_after_midnight(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hand = HandClock()
    caplog.set_level("INFO")
    async with service(data_dir, hand) as started:
        await pass_a_day(started, hand, Traffic(moment=hand.now))
        await started.upkeep.sealer.check()

        sealer = started.upkeep.sealer
        assert (sealer.sealed, sealer.failed, sealer.day) == (1, 0, None)

    path = segment(data_dir, FIRST)
    assert is_sealed(path)
    assert sealed_days(data_dir) == [FIRST]
    assert oracle.read(data_dir / "telemetry.db", "SELECT rows FROM segments") == [(5,)]
    (told,) = [record.__dict__ for record in caplog.records if record.message == "sealed"]
    assert (told["day"], told["bytes"]) == (FIRST, path.stat().st_size)
    assert [other.name for other in path.parent.glob("*.db*")] == [path.name]
    assert len(oracle.check(data_dir)) == 5


async def test_a_day_is_sealed_only_when_it_is_over_and_all_its_events_are_flushed(data_dir: Path) -> None:
    hand = HandClock("2026-11-23T23:59:59")
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(Traffic(moment=hand.now).batch(5)))
        for seconds in (0, 10):
            hand.pass_time(seconds)
            await started.upkeep.sealer.check()
        assert started.upkeep.sealer.sealed == 0
        assert segment(data_dir, FIRST).stat().st_mode & 0o777 == 0o600
        hand.pass_time(60)
        await started.upkeep.sealer.check()
        assert sealed_days(data_dir) == []
        await started.publisher.flush()
        await started.upkeep.sealer.check()

    assert sealed_days(data_dir) == [FIRST]
    oracle.check(data_dir)


async def test_sealing_corrects_the_days_installations_by_what_is_in_its_segment(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as started:
        await pass_a_day(started, hand, Traffic(moment=hand.now), events=20)
        with closing(sqlite3.connect(data_dir / "telemetry.db")) as connection, connection:
            connection.execute("UPDATE daily_stats SET value = 99 WHERE metric LIKE '%_installations'")
        stats = started.publisher.stats
        await started.upkeep.sealer.check()
        await started.publisher.flush()
        assert started.publisher.stats.etag != stats.etag

    oracle.check(data_dir)


async def test_a_segment_that_lost_events_keeps_the_counts_that_were_made_of_them(
    data_dir: Path, tmp_path: Path
) -> None:
    hand = HandClock()
    counts = "SELECT metric, value FROM daily_stats ORDER BY metric"
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(Traffic(moment=hand.now).batch(3)))
    shutil.copytree(data_dir / "events", tmp_path / "older")
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(Traffic(seed=2, moment=hand.now).batch(3)))
    before = oracle.read(data_dir / "telemetry.db", counts)
    shutil.rmtree(data_dir / "events")
    (tmp_path / "older").rename(data_dir / "events")
    hand.pass_time(DAY_S)
    async with service(data_dir, hand) as started:
        await started.upkeep.sealer.check()

    assert sealed_days(data_dir) == [FIRST]
    assert oracle.read(data_dir / "telemetry.db", counts) == before


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
async def test_sealing_waits_for_readers_and_keeps_what_they_read(data_dir: Path, journal_mode: str) -> None:
    hand = HandClock()
    path = segment(data_dir, FIRST)
    async with service(data_dir, hand) as started:
        await pass_a_day(started, hand, Traffic(moment=hand.now))
        await started.upkeep.sealer._log.leave_before(SECOND)
        await started.upkeep.sealer._archive.close()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA journal_mode = {journal_mode}")
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as reader:
            reading = reader.execute("SELECT id FROM events")
            next(reading)
            await started.upkeep.sealer.check()
            assert (started.upkeep.sealer.sealed, started.upkeep.sealer.failed) == (0, 0)
            assert len(reading.fetchall()) == 4
        await started.upkeep.sealer.check()

    assert is_sealed(path)
    oracle.check(data_dir)


async def test_a_day_reached_again_is_opened_again_and_sealed_again(data_dir: Path) -> None:
    hand = HandClock()
    traffic = Traffic(moment=hand.now)
    async with service(data_dir, hand) as started:
        for jump in (0, -DAY_S, 0):
            await pass_a_day(started, hand, traffic)
            await started.upkeep.sealer.check()
            assert FIRST in sealed_days(data_dir)
            hand.jump(jump)
            await started.service.accept(encode(traffic.batch(2)))
        await started.publisher.flush()
        oracle.check(data_dir)
        hand.pass_time(DAY_S)
        await started.upkeep.sealer.check()

    assert all(is_sealed(path) for path in (data_dir / "events").glob("*.db*"))
    assert len(oracle.check(data_dir)) == 21


async def test_a_day_reached_again_while_it_is_being_sealed_does_not_wait(data_dir: Path) -> None:
    hand = HandClock()
    traffic = Traffic(moment=hand.now)
    async with service(data_dir, hand) as started:
        await pass_a_day(started, hand, traffic)
        async with sealing_stopped(started) as (_, pid):
            hand.jump(-DAY_S)
            await started.service.accept(encode(traffic.batch(2)))
            assert not is_running(pid)
        assert (started.upkeep.sealer.sealed, started.upkeep.sealer.failed) == (0, 0)
        await started.publisher.flush()
        hand.jump(DAY_S)
        await started.upkeep.sealer.check()

    assert is_sealed(segment(data_dir, FIRST))
    assert len(oracle.check(data_dir)) == 7


async def test_a_segment_in_use_is_neither_sealed_nor_removed(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(Traffic(moment=hand.now).batch(5)))
        await started.publisher.flush()
        archive = started.upkeep.sealer._archive
        assert await archive.seal(FIRST, "2026-11-23 12:00:00") is None
        assert not await archive.retire(FIRST, "2026-11-23 12:00:00")
        await started.service.accept(encode(Traffic(seed=2, moment=hand.now).batch(5)))

    assert len(oracle.check(data_dir)) == 10


async def test_events_are_accepted_and_flushed_while_a_day_is_being_sealed(data_dir: Path) -> None:
    hand = HandClock()
    traffic = Traffic(moment=hand.now)
    async with service(data_dir, hand) as started:
        await pass_a_day(started, hand, traffic)
        async with sealing_stopped(started):
            assert started.upkeep.sealer.day == FIRST
            for _ in range(5):
                await started.service.accept(encode(traffic.batch(4)))
                await started.publisher.flush()

    assert sealed_days(data_dir) == [FIRST]
    assert len(oracle.check(data_dir)) == 25


async def test_stopping_the_service_stops_the_sealing_and_the_next_start_does_it(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as started:
        await pass_a_day(started, hand, Traffic(moment=hand.now))
        checking = sealing_stopped(started)
        _, pid = await checking.__aenter__()
    await checking.__aexit__(None, None, None)
    assert not is_running(pid)
    assert sealed_days(data_dir) == []
    async with service(data_dir, hand) as started:
        await started.upkeep.sealer.check()

    assert sealed_days(data_dir) == [FIRST]
    oracle.check(data_dir)


async def test_a_sealing_process_that_dies_is_reported_and_tried_again_later(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as started:
        sealer = started.upkeep.sealer
        await pass_a_day(started, hand, Traffic(moment=hand.now))
        async with sealing_stopped(started) as (_, pid):
            os.kill(pid, 9)
        for seconds, expected in ((0, (0, 1)), (60, (0, 1)), (600, (1, 1))):
            hand.pass_time(seconds)
            await sealer.check()
            assert (sealer.sealed, sealer.failed) == expected

    oracle.check(data_dir)


async def test_a_damaged_segment_is_reported_and_does_not_keep_others_from_being_sealed(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hand = HandClock()
    traffic = Traffic(moment=hand.now)
    async with service(data_dir, hand) as started:
        await pass_a_day(started, hand, traffic)
        await pass_a_day(started, hand, traffic)
        await started.upkeep.sealer._log.close()
        segment(data_dir, FIRST).write_bytes(b"not a database " * 4_096)
        await started.upkeep.sealer.check()
        assert (started.upkeep.sealer.sealed, started.upkeep.sealer.failed) == (1, 1)

    assert sealed_days(data_dir) == [SECOND]
    assert any("not a database" in record.__dict__.get("reason", "") for record in caplog.records)


async def test_a_segment_is_sorted_on_its_own_disk(data_dir: Path) -> None:
    path = segment(data_dir, FIRST)
    path.parent.mkdir(parents=True)
    process = await SealingProcess.start(path, 0)
    environment = (await asyncio.to_thread(Path(f"/proc/{process.pid}/environ").read_bytes)).split(b"\0")
    await process.stop()

    assert f"SQLITE_TMPDIR={path.parent}".encode() in environment
