"""What is sent again is acknowledged and stored once, across restarts, midnights and clocks that were ahead."""

import json
from pathlib import Path

from tests.support import oracle
from tests.support.events import Traffic, encode, make_event, timestamp
from tests.support.service import HandClock, service


async def test_an_event_sent_again_is_acknowledged_and_stored_once(data_dir: Path) -> None:
    hand = HandClock()
    body = encode([make_event(timestamp=timestamp(hand.now))])
    async with service(data_dir, hand) as started:
        for _ in range(3):
            assert json.loads(await started.service.accept(body))["eventsProcessed"] == 1
            hand.pass_time(250)

    assert len(oracle.check(data_dir)) == 1


async def test_an_event_sent_again_after_the_window_is_a_new_one_without_a_resend_window(data_dir: Path) -> None:
    hand = HandClock()
    body = encode([make_event(timestamp=timestamp(hand.now))])
    async with service(data_dir, hand, resend_window_days=0) as started:
        await started.service.accept(body)
        hand.pass_time(601)
        await started.service.accept(body)

    assert len(oracle.check(data_dir)) == 2


async def test_duplicates_are_recognised_after_a_restart_and_across_midnight(data_dir: Path) -> None:
    hand = HandClock("2026-11-23T23:57:00")
    before, after = (encode([make_event(timestamp=timestamp(hand.now, seconds=number))]) for number in (0, 1))
    async with service(data_dir, hand, resend_window_days=0) as started:
        await started.service.accept(before)
        hand.pass_time(240)
        await started.service.accept(after)
    hand.pass_time(240)
    async with service(data_dir, hand, resend_window_days=0) as started:
        await started.service.accept(before)
        await started.service.accept(after)
    hand.pass_time(300)
    async with service(data_dir, hand, resend_window_days=0) as started:
        await started.service.accept(before)

    assert len(oracle.check(data_dir)) == 3


async def test_duplicates_are_recognised_after_a_restart_though_the_clock_was_ahead_for_a_while(data_dir: Path) -> None:
    hand = HandClock()
    body, ahead = (encode([make_event(timestamp=timestamp(hand.now, seconds=number))]) for number in (0, 1))
    async with service(data_dir, hand) as started:
        hand.jump(2 * 86_400)
        await started.service.accept(ahead)
        hand.jump(-2 * 86_400)
        await started.service.accept(body)
    async with service(data_dir, hand) as started:
        await started.service.accept(body)

    assert len(oracle.check(data_dir)) == 2


async def test_a_restart_reads_back_no_more_events_than_the_window_holds(data_dir: Path) -> None:
    hand = HandClock()
    traffic = Traffic(moment=hand.now)
    async with service(data_dir, hand) as started:
        bodies = [encode(traffic.batch(1)) for _ in range(6)]
        for body in bodies:
            await started.service.accept(body)
    async with service(data_dir, hand, duplicate_window_events=3, resend_window_events=0) as started:
        for body in reversed(bodies):
            await started.service.accept(body)

    assert len(oracle.check(data_dir)) == 9
