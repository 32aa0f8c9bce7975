import asyncio
import logging
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.operator_errors import DamagedError
from telemetry.storage.sqlite.queries import query
from tests.support import oracle
from tests.support.commands import lose_aggregates
from tests.support.events import Traffic, encode, make_event, timestamp
from tests.support.faults import crash_image
from tests.support.service import HandClock, service


@pytest.mark.case(20)
async def test_midnight_under_load_puts_every_event_into_the_day_of_its_receipt(data_dir: Path) -> None:
    hand = HandClock("2026-11-23T23:59:58")
    traffic = Traffic(moment=hand.now)
    async with service(data_dir, hand, flush_keys_max=20) as started:
        for _ in range(40):
            await asyncio.gather(*(started.service.accept(encode(traffic.batch(3))) for _ in range(5)))
            hand.pass_time(0.1)

    events = oracle.check(data_dir)
    assert len(events) == 600
    assert {event.day for event in events} == {"2026-11-23", "2026-11-24"}


@pytest.mark.case(20)
async def test_a_crash_at_midnight_loses_nothing_of_either_day(data_dir: Path, tmp_path: Path) -> None:
    hand = HandClock("2026-11-23T23:59:59")
    traffic = Traffic(moment=hand.now)
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(traffic.batch(5)))
        hand.pass_time(1)
        await started.service.accept(encode(traffic.batch(5)))
        image = crash_image(data_dir, tmp_path / "image")
    async with service(image, hand):
        pass

    assert [event.day for event in oracle.check(image)] == ["2026-11-23"] * 5 + ["2026-11-24"] * 5


@pytest.mark.case(27)
async def test_a_clock_set_back_reaches_a_day_again_without_reusing_ids(data_dir: Path) -> None:
    hand = HandClock()
    traffic = Traffic(installations=2, moment=hand.now)
    async with service(data_dir, hand) as started:
        for jump in (0, 2 * 86_400, -86_400, -86_400, 86_400):
            hand.jump(jump)
            await started.service.accept(encode(traffic.batch(4)))
            await started.publisher.flush()

    events = oracle.check(data_dir)
    assert len({(event.day, event.id) for event in events}) == 20


async def test_events_missing_from_a_damaged_segment_are_reported_and_their_ids_never_given_out_again(
    data_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hand = HandClock()
    traffic = Traffic(moment=hand.now)
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(traffic.batch(3)))
        older = crash_image(data_dir / "events", tmp_path / "older")
        await started.service.accept(encode(traffic.batch(4)))
    shutil.rmtree(data_dir / "events")
    older.rename(data_dir / "events")
    with caplog.at_level(logging.ERROR):
        async with service(data_dir, hand) as started:
            await started.service.accept(encode(traffic.batch(2)))

    assert [record.__dict__["missing"] for record in caplog.records] == [4]
    assert [event.id for event in oracle.raw_events(data_dir)] == [1, 2, 3, 8, 9]
    ((counted,),) = oracle.read(
        data_dir / "telemetry.db", "SELECT value FROM daily_stats WHERE metric LIKE 'version:0.9.1'"
    )
    assert counted > 0


async def test_lost_aggregates_are_rebuilt_from_the_log(data_dir: Path) -> None:
    hand = HandClock()
    traffic = Traffic(moment=hand.now)
    for _ in range(3):
        async with service(data_dir, hand) as started:
            await started.service.accept(encode(traffic.batch(20)))
        hand.jump(86_400)
    lose_aggregates(data_dir)
    async with service(data_dir, hand, flush_keys_max=5):
        pass

    assert len(oracle.check(data_dir)) == 60


async def test_labels_stay_bounded_across_restarts_and_replays(data_dir: Path, tmp_path: Path) -> None:
    hand = HandClock()

    def labelled(number: int) -> bytes:
        event = make_event("pattern_signature", category=f"category-{number}", timestamp=timestamp(hand.now))
        return encode([event])

    async with service(data_dir, hand, daily_labels_max=8) as started:
        for number in range(12):
            await started.service.accept(labelled(number))
    async with service(data_dir, hand, daily_labels_max=8) as started:
        for number in range(5, 20):
            await started.service.accept(labelled(number))
        image = crash_image(data_dir, tmp_path / "image")
    async with service(image, hand, daily_labels_max=8):
        pass

    for files in (data_dir, image):
        assert len(oracle.check(files, labels_max=8)) == 20


async def test_a_segment_has_exactly_the_documented_columns(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as started:
        await started.service.accept(encode([make_event(timestamp=timestamp(hand.now))]))

    with closing(sqlite3.connect(data_dir / "events" / "2026-11-23.db")) as segment:
        columns = segment.execute("PRAGMA table_info(events)").fetchall()
    assert [(name, kind, bool(required)) for _, name, kind, required, *_ in columns] == [
        ("id", "INTEGER", False),
        ("type", "TEXT", True),
        ("timestamp", "TEXT", True),
        ("installation_id", "TEXT", True),
        ("drift_version", "TEXT", True),
        ("payload", "TEXT", False),
        ("created_at", "TEXT", True),
    ]


async def test_a_segment_whose_ids_run_in_a_circle_ends_the_replay_with_a_clear_error(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(Traffic(moment=hand.now).batch(5)))
    lose_aggregates(data_dir)
    circular = query("read_events_after").replace("WHERE id > ?1", "WHERE ?1 IS NOT NULL")
    monkeypatch.setattr(
        "telemetry.storage.log.segment.query", lambda name: circular if "after" in name else query(name)
    )

    with pytest.raises(DamagedError, match=r"2026-11-23\.db is damaged"):
        async with service(data_dir, hand):
            pass
