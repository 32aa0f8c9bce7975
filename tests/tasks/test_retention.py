"""Case 19 of the fault list, and what else retention must and must not remove."""

import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from telemetry.errors import Refusal
from telemetry.running import Running
from telemetry.storage.aggregates.segment_states import Counts
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.sqlite.background import NotNowError
from telemetry.tasks.retention import RETENTION_INTERVAL_S
from tests.support import oracle
from tests.support.events import Traffic, encode, installation_id
from tests.support.examining import examined
from tests.support.faults import failing
from tests.support.segments import DAY_S, pass_a_day, segment
from tests.support.service import HandClock, service

START = "2026-11-20T12:00:00"
FIRST = "2026-11-20"


def days(data_dir: Path) -> list[str]:
    """Return the days of November that have a segment."""
    return [day.removeprefix("2026-11-") for day in DataDirectory(data_dir).days()]


async def pass_days(started: Running, hand: HandClock, count: int, *, seal: bool = True) -> None:
    """Let some days pass, with events of other installations on each, but for one that comes every day."""
    for number in range(count):
        for seed in (number, 99):
            moment = hand.now
            await started.service.accept(encode(Traffic(seed=seed, installations=1, moment=moment).batch(4)))
        await pass_a_day(started, hand, Traffic(seed=number + 50, moment=hand.now))
    if seal:
        await started.upkeep.sealer.check()


async def check_after(started: Running, hand: HandClock, *pauses_s: float) -> None:
    for pause_s in pauses_s:
        hand.pass_time(pause_s)
        await started.upkeep.retention.check()


async def test_whole_days_past_retention_go_one_an_hour_oldest_first(data_dir: Path) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand, retention_days=3) as started:
        await pass_days(started, hand, 6)
        events = oracle.check(data_dir)
        left = []
        for pause_s in (0, 1_800, 1_800, 10, RETENTION_INTERVAL_S, RETENTION_INTERVAL_S):
            await check_after(started, hand, pause_s)
            left.append(days(data_dir)[0])
        assert started.upkeep.retention.retired == 3

    # It is the 26th: the 23rd ended within three days.
    assert left == ["21", "21", "22", "22", "23", "23"]
    oracle.check(data_dir, gone=[event for event in events if event.day < "2026-11-23"])
    assert oracle.read(
        data_dir / "telemetry.db", "SELECT count(*) FROM installations WHERE last_seen < '2026-11-23'"
    ) == [(0,)]


async def test_nothing_is_removed_in_the_first_hour_so_restarts_do_not_empty_the_log(data_dir: Path) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand, retention_days=1) as started:
        await pass_days(started, hand, 4)
    for _ in range(3):
        async with service(data_dir, hand, retention_days=1) as started:
            await check_after(started, hand, 0, RETENTION_INTERVAL_S - 10)

    assert days(data_dir) == ["20", "21", "22", "23"]
    oracle.check(data_dir)


@pytest.mark.case(27)
async def test_a_clock_that_jumps_ahead_takes_one_segment_an_hour_and_leaves_the_open_one(data_dir: Path) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand) as started:
        await pass_days(started, hand, 3)
        events = oracle.check(data_dir)
        hand.jump(400 * DAY_S)
        traffic = Traffic(seed=7, moment=hand.now)
        await started.service.accept(encode(traffic.batch(3)))
        await started.publisher.flush()
        await check_after(started, hand, 0, 600, 600)
        hand.jump(-400 * DAY_S)
        assert days(data_dir)[:2] == ["21", "22"]
        await check_after(started, hand, RETENTION_INTERVAL_S)

    oracle.check(data_dir, gone=[event for event in events if event.day == FIRST])


@pytest.mark.case(19)
async def test_retention_removes_everything_then_a_crash_then_new_events_are_counted(
    data_dir: Path, tmp_path: Path
) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand, retention_days=1) as started:
        await pass_days(started, hand, 3)
        events = oracle.check(data_dir)
        hand.pass_time(5 * DAY_S)
        await check_after(started, hand, *[RETENTION_INTERVAL_S] * 4)
        assert days(data_dir) == []
        image = tmp_path / "image"
        shutil.copytree(data_dir, image, ignore=shutil.ignore_patterns("*-shm", "lock"))
    traffic = Traffic(seed=8, moment=hand.now)
    async with service(image, hand, retention_days=1) as started:
        await started.service.accept(encode(traffic.batch(6)))

    assert len(oracle.check(image, gone=events)) == len(events) + 6


async def test_a_removed_day_that_is_reached_again_goes_on_above_its_ids_and_nothing_is_missed(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand, retention_days=1) as started:
        await pass_days(started, hand, 3)
        events = oracle.check(data_dir)
        await check_after(started, hand, 0)
        uniques = unique_installations(data_dir)
        hand.jump(-3 * DAY_S)
        await started.service.accept(encode(Traffic(seed=9, installations=1, moment=hand.now).batch(4)))
        await started.publisher.flush()
        hand.jump(3 * DAY_S)
        await started.upkeep.sealer.check()
    async with service(data_dir, hand, retention_days=1):
        pass

    ids = [event_id for (event_id,) in oracle.read(segment(data_dir, FIRST), "SELECT id FROM events")]
    assert sorted(ids) == list(range(14, 18))
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    found = await examined(data_dir, hand.clock)
    assert [one.sentence for one in found.findings if one.severity == "error"] == []
    # Recounting what is left of the day would forget those that were removed.
    assert unique_installations(data_dir) >= uniques > 1
    assert len([event for event in events if event.day == FIRST]) == 13


def unique_installations(data_dir: Path) -> int:
    sql = f"SELECT value FROM daily_stats WHERE date = '{FIRST}' AND metric = 'unique_installations'"
    ((value,),) = oracle.read(data_dir / "telemetry.db", sql)
    return int(value)


@pytest.mark.parametrize("left_over", [(".db",), (".db", ".db-shm"), ()])
async def test_a_crash_while_removing_is_made_up_for(data_dir: Path, left_over: tuple[str, ...]) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand, retention_days=1) as started:
        await pass_days(started, hand, 3)
        events = oracle.check(data_dir)
        kept = segment(data_dir, FIRST).read_bytes()
        await check_after(started, hand, 0)
    for suffix in left_over:
        segment(data_dir, FIRST).with_suffix(suffix).write_bytes(kept)
    async with service(data_dir, hand, retention_days=1) as started:
        await check_after(started, hand, 0)
        assert days(data_dir) == ["21", "22"]
        assert started.sources.replay.events_missing == 0

    oracle.check(data_dir, gone=[event for event in events if event.day == FIRST])


async def test_a_segment_that_is_not_sealed_goes_only_once_all_its_events_are_counted(data_dir: Path) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand, retention_days=1) as started:
        await pass_days(started, hand, 3, seal=False)
        await started.upkeep.sealer._log.leave_before("2026-11-23")
        events = oracle.check(data_dir)
        watermark = "UPDATE segments SET watermark = watermark + ? WHERE day = ?"
        for change, left in ((-1, ["20", "22"]), (1, ["22"])):
            with closing(sqlite3.connect(data_dir / "telemetry.db")) as connection, connection:
                connection.execute(watermark, (change, FIRST))
            await check_after(started, hand, RETENTION_INTERVAL_S)
            assert days(data_dir) == left

    oracle.check(data_dir, gone=[event for event in events if event.day < "2026-11-22"])


async def test_a_failed_removal_is_tried_again(data_dir: Path) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand, retention_days=1) as started:
        await pass_days(started, hand, 3)
        with failing(data_dir / "telemetry.db", "segments"), pytest.raises(sqlite3.IntegrityError):
            await check_after(started, hand, 0)
        assert days(data_dir) == ["20", "21", "22"]
        await check_after(started, hand, 0)
        assert days(data_dir) == ["21", "22"]


async def test_many_installations_leave_some_at_a_time(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand = HandClock(START)
    monkeypatch.setattr("telemetry.tasks.retention._INSTALLATIONS_PER_CHANGE", 3)
    async with service(data_dir, hand, retention_days=1) as started:
        await pass_days(started, hand, 3)
        events = oracle.check(data_dir)
        before = revision(data_dir)
        await check_after(started, hand, 0)
        changes = revision(data_dir) - before

    oracle.check(data_dir, gone=[event for event in events if event.day == FIRST])
    assert changes > 1


def revision(data_dir: Path) -> Any:
    return oracle.read(data_dir / "telemetry.db", "SELECT revision FROM state")[0][0]


async def test_whoever_is_seen_on_a_day_that_is_there_again_is_not_taken_for_new_by_each_flush(data_dir: Path) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand, retention_days=1) as started:
        await pass_days(started, hand, 5)
        await check_after(started, hand, 0, RETENTION_INTERVAL_S, RETENTION_INTERVAL_S)
        assert days(data_dir) == ["23", "24"]
        hand.jump(-5 * DAY_S)
        counted = []
        for seed in (11, 12, 13):
            traffic = Traffic(seed=seed, moment=hand.now)
            batch = [event | {"installationId": installation_id(1)} for event in traffic.batch(2)]
            await started.service.accept(encode(batch))
            await started.publisher.flush()
            counted.append(unique_installations(data_dir))
            await started.upkeep.retention.check()

    assert counted[0] == counted[1] == counted[2]


async def test_a_removed_day_that_could_not_be_begun_anew_takes_no_event_into_a_file_without_a_name(
    data_dir: Path,
) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand, retention_days=1) as started:
        await pass_days(started, hand, 3)
        await check_after(started, hand, 0)
        hand.jump(-3 * DAY_S)
        body = encode(Traffic(seed=9, moment=hand.now).batch(4))
        with failing(data_dir / "telemetry.db", "segments"):
            with pytest.raises(Refusal):
                await started.service.accept(body)
            await started.upkeep.retention.check()
        await started.service.accept(body)

    assert len(oracle.read(segment(data_dir, FIRST), "SELECT id FROM events")) == 4


async def test_a_watermark_that_is_not_committed_neither_seals_nor_removes_a_day(data_dir: Path) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand, retention_days=1) as started:
        await pass_days(started, hand, 1, seal=False)
        states = started.upkeep.sealer._archive.states
        with suppress(sqlite3.OperationalError):
            async with started.publisher._aggregates.change() as connection:
                await connection.execute("UPDATE segments SET watermark = watermark + 5")
                ahead = (await states.get(FIRST)).watermark
                raise sqlite3.OperationalError("the disk is full")
        with pytest.raises(NotNowError):
            await states.seal(FIRST, ahead, Counts(ahead, 1), "2026-11-21 00:00:00")
        with pytest.raises(NotNowError):
            await states.retire(FIRST, ahead, "2026-11-21 00:00:00")
        state = await states.get(FIRST)

    assert (state.sealed_at, state.retired_at, state.watermark) == (None, None, ahead - 5)
