"""What a clock that was ahead leaves behind is bounded, once it is right."""

import json
import shutil
from pathlib import Path

import pytest

from telemetry.running import Running
from tests.support import oracle
from tests.support.crowd import Crowd
from tests.support.examining import examined
from tests.support.faults import crash_image
from tests.support.segments import DAY_S
from tests.support.service import HandClock, service

AHEAD = [2, 61, 89]


def active(started: Running) -> dict[str, int]:
    """Return the installations that are published as active today, this week and in thirty days."""
    found: dict[str, int] = json.loads(started.service.stats().body)["activeInstallations"]
    return found


def unique(data_dir: Path) -> dict[str, int]:
    rows = oracle.read(
        data_dir / "telemetry.db", "SELECT date, value FROM daily_stats WHERE metric = 'unique_installations'"
    )
    return {day: value for day, value in rows if value}


@pytest.mark.case(27)
@pytest.mark.parametrize("days", AHEAD)
async def test_only_days_up_to_now_make_an_installation_active(data_dir: Path, days: int) -> None:
    hand = HandClock()
    once, daily = Crowd(hand, size=3, seed=1), Crowd(hand, size=2, seed=2)
    async with service(data_dir, hand) as started:
        once.set_wrong(days * DAY_S)
        daily.error_s = once.error_s
        await once.all_send(started)
        await daily.all_send(started)
        await started.publisher.flush()
        assert active(started) == {"1": 5, "7": 5, "30": 5}

        once.set_wrong(0)
        daily.error_s = 0
        await started.publisher.flush()
        assert active(started) == {"1": 0, "7": 0, "30": 0}
        await daily.all_send(started)
        await started.publisher.flush()
        assert active(started) == {"1": 2, "7": 2, "30": 2}
        hand.pass_time(40 * DAY_S)
        await started.publisher.flush()
        # Days more than 60 before the last are not told apart: the daily ones may count for some weeks too long.
        assert active(started) == {"1": 0, "7": 0, "30": 2 if days > 70 else 0}


@pytest.mark.case(27)
@pytest.mark.parametrize("days", AHEAD)
async def test_unique_installations_are_right_as_soon_as_their_day_is_sealed(data_dir: Path, days: int) -> None:
    hand = HandClock()
    crowd = Crowd(hand, size=5)
    async with service(data_dir, hand) as started:
        await crowd.all_send(started)
        await started.publisher.flush()
        crowd.set_wrong(days * DAY_S)
        await crowd.all_send(started)
        await started.publisher.flush()
        crowd.set_wrong(0)
        for _ in range(4):
            for _ in range(3):
                await crowd.all_send(started)
                await started.publisher.flush()
            hand.pass_time(DAY_S)
            await started.upkeep.sealer.check()
        counted = unique(data_dir)

    assert list(counted.values()) == [5] * (4 if days < 4 else 5)
    oracle.check(data_dir)


@pytest.mark.case(27)
async def test_events_of_a_clock_that_was_ahead_are_recognised_after_a_restart(data_dir: Path, tmp_path: Path) -> None:
    hand = HandClock()
    crowd = Crowd(hand, size=3)
    async with service(data_dir, hand) as started:
        crowd.set_wrong(5 * DAY_S)
        event = crowd.event(0)
        await crowd.all_send(started, timestamp=event["timestamp"], durationMs=1)
        image = crash_image(data_dir, tmp_path / "image")
    shutil.rmtree(data_dir)
    crowd.set_wrong(0)
    async with service(image, hand) as started:
        # These were answered a moment ago, and the replies were lost.
        assert await crowd.all_send(started, timestamp=event["timestamp"], durationMs=1) == [1] * 3
        assert started.service.ledger.duplicate == 3
        # The window is as long as ever, however far the clock was ahead.
        hand.pass_time(8 * DAY_S)
        await crowd.all_send(started)
        assert started.service.ledger.duplicate == 3


@pytest.mark.case(46)
async def test_check_says_how_to_set_a_clock_that_is_before_the_program_or_the_log(data_dir: Path) -> None:
    hand = HandClock()
    crowd = Crowd(hand, size=3)
    async with service(data_dir, hand) as started:
        await crowd.all_send(started)
    crowd.set_wrong(-20_000 * DAY_S)

    found = await examined(data_dir, hand.clock)

    sentences = {finding.subject: finding.sentence for finding in found.findings if finding.severity == "error"}
    assert list(sentences) == ["clock", "2026-11-23.db"]
    assert all("timedatectl set-ntp true" in sentence for sentence in sentences.values())


@pytest.mark.case(27)
async def test_events_of_days_to_come_are_a_warning_and_no_error(data_dir: Path) -> None:
    hand = HandClock()
    crowd = Crowd(hand, size=3, seed=1)
    async with service(data_dir, hand) as started:
        hand.jump(5 * DAY_S)
        await crowd.all_send(started)
    hand.jump(-5 * DAY_S)

    found = await examined(data_dir, hand.clock)
    (finding,) = (finding for finding in found.findings if "an event was received at" in finding.sentence)
    assert finding.severity == "warning"
    assert not found.failed
