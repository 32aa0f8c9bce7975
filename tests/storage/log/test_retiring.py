"""Days that the operator removes before their time."""

import json
import sqlite3
from pathlib import Path

import pytest

from telemetry.errors import Refusal
from telemetry.storage.log.retiring import RetireRequest
from tests.storage.erasure.test_recounts_after_erasing import errors
from tests.support import oracle
from tests.support.commands import succeed
from tests.support.events import Traffic, encode
from tests.support.segments import pass_a_day, sealed_days, segment
from tests.support.service import HandClock, service

START = "2026-11-20T12:00:00"
DAYS = ("2026-11-20", "2026-11-21", "2026-11-22")


async def three_days(data_dir: Path, hand: HandClock) -> None:
    async with service(data_dir, hand) as started:
        for _ in DAYS[1:]:
            await pass_a_day(started, hand, Traffic(seed=hand.now.day, moment=hand.now))
            await started.upkeep.sealer.check()
        await started.service.accept(encode(Traffic(seed=1, moment=hand.now).batch(4)))


async def test_days_are_removed_and_marked_and_the_present_one_stays(data_dir: Path) -> None:
    hand = HandClock(START)
    await three_days(data_dir, hand)
    segment(data_dir, DAYS[0]).unlink()
    assert await errors(data_dir, hand) != []
    async with service(data_dir, hand) as started:
        retire = started.upkeep.orders.retire
        planned = await retire(RetireRequest("2026-12-31", dry_run=True))
        assert segment(data_dir, DAYS[1]).exists()
        events = oracle.raw_events(data_dir)
        done = await retire(RetireRequest("2026-12-31"))
        assert (planned.days, planned.kept) == (done.days, done.kept)
        assert [(one.day, one.missing) for one in done.days] == [(DAYS[0], True), (DAYS[1], False)]
        assert done.days[1].events == len([event for event in events if event.day == DAYS[1]])
        assert done.days[1].bytes > 0
        await started.publisher.flush()
        assert await errors(data_dir, hand) == []

    assert [path.name for path in (data_dir / "events").glob("*.db")] == [f"{DAYS[2]}.db"]


async def test_the_command_removes_days_without_a_service(data_dir: Path) -> None:
    hand = HandClock(START)
    await three_days(data_dir, hand)
    told = ("--before", DAYS[1], "--data-dir", data_dir)
    assert "1 day would be removed" in succeed("retire", "--dry-run", *told)
    report = json.loads(succeed("retire", "--json", *told))

    assert [one["day"] for one in report["days"]] == [DAYS[0]]
    assert not segment(data_dir, DAYS[0]).exists()
    assert await errors(data_dir, hand) == []


async def test_a_segment_whose_creation_failed_is_sealed_without_a_restart(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand) as started:
        path = segment(data_dir, DAYS[0])

        def full(*_: object, **__: object) -> None:
            path.touch()
            raise sqlite3.OperationalError("database or disk is full")

        with monkeypatch.context() as patched:
            patched.setattr("telemetry.storage.log.archive.Segment.open", full)
            with pytest.raises(Refusal):
                await started.service.accept(encode(Traffic(seed=1, moment=hand.now).batch(4)))
        hand.pass_time(86_400)
        await started.upkeep.sealer.check()
        assert started.upkeep.sealer.failed == 0

    assert DAYS[0] in sealed_days(data_dir)
