"""Case 50 of the fault list: a queue that is sent again hours or days later is stored once."""

import json
from pathlib import Path

import pytest

from tests.support import oracle
from tests.support.events import Traffic, encode, make_event, timestamp
from tests.support.segments import segment
from tests.support.service import HandClock, service

HOUR_S = 3_600
DAY_S = 86_400


def queue(hand: HandClock, size: int, seed: int = 1) -> bytes:
    """Return a queue of different events, the first of them twice."""
    events = Traffic(seed=seed, moment=hand.now).batch(size - 1)
    return encode([*events, events[0]])


@pytest.mark.case(50)
@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("later_s", [11 * 60, HOUR_S, 6.9 * DAY_S])
async def test_a_queue_sent_again_much_later_is_acknowledged_and_stored_once(
    data_dir: Path, later_s: float, restarted: bool
) -> None:
    hand = HandClock()
    body, others = queue(hand, 10), queue(hand, 10, seed=2)
    async with service(data_dir, hand) as started:
        await started.service.accept(body)
        await started.service.accept(others)
        hand.pass_time(later_s)
        if not restarted:
            assert json.loads(await started.service.accept(body))["eventsProcessed"] == 10
            assert started.service.ledger.duplicate == 10
    async with service(data_dir, hand) as started:
        for again in (body, others, body):
            assert json.loads(await started.service.accept(again))["eventsProcessed"] == 10
        assert started.service.ledger.duplicate == 30

    assert len(oracle.check(data_dir)) == 20


@pytest.mark.case(50)
async def test_copies_of_an_event_that_came_hours_apart_are_numbered_on_across_restarts(data_dir: Path) -> None:
    hand = HandClock()
    event = make_event(timestamp=timestamp(hand.now))
    for copies in (1, 3, 2, 4, 4, 1):
        async with service(data_dir, hand) as started:
            await started.service.accept(encode([event] * copies))
            hand.pass_time(5 * HOUR_S)
            await started.service.accept(encode([event] * copies))

    assert len(oracle.check(data_dir)) == 4


async def test_events_beyond_the_window_are_new_ones(data_dir: Path) -> None:
    hand = HandClock()
    body = queue(hand, 10)
    async with service(data_dir, hand, resend_window_days=2) as started:
        await started.service.accept(body)
        hand.pass_time(3 * DAY_S)
        await started.service.accept(queue(hand, 10, seed=2))
        await started.service.accept(body)
    hand.pass_time(3 * DAY_S)
    async with service(data_dir, hand, resend_window_days=2) as started:
        await started.service.accept(body)

    assert len(oracle.check(data_dir)) == 40


async def test_no_more_events_are_read_at_a_start_than_the_window_holds(data_dir: Path) -> None:
    hand = HandClock()
    limits = {"duplicate_window_events": 10, "resend_window_events": 30}
    bodies = [queue(hand, 10, seed=seed) for seed in range(5)]
    async with service(data_dir, hand) as started:
        for body in bodies:
            await started.service.accept(body)
            hand.pass_time(HOUR_S)
    async with service(data_dir, hand, **limits) as started:
        for body in bodies[2:]:
            await started.service.accept(body)
        assert started.service.ledger.duplicate == 30
        await started.service.accept(bodies[0])
        assert started.service.ledger.accepted == 10

    assert len(oracle.check(data_dir)) == 60


async def test_a_client_whose_clock_is_ahead_counts_twice_until_its_time_has_come(data_dir: Path) -> None:
    hand = HandClock()
    ahead = encode([make_event(timestamp=timestamp(hand.now, hours=6, milliseconds=at)) for at in range(5)])
    async with service(data_dir, hand) as started:
        await started.service.accept(ahead)
        hand.pass_time(HOUR_S)
        await started.service.accept(ahead)
        assert started.service.ledger.accepted == 10
        hand.pass_time(6 * HOUR_S)
        await started.service.accept(ahead)
        assert started.service.ledger.duplicate == 5

    assert len(oracle.check(data_dir)) == 10


async def test_resends_are_recognised_across_sealed_days_and_one_that_is_damaged_stops_no_start(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hand = HandClock()
    bodies = []
    async with service(data_dir, hand) as started:
        for day in range(3):
            bodies.append(queue(hand, 10, seed=day))
            await started.service.accept(bodies[-1])
            await started.publisher.flush()
            hand.pass_time(DAY_S)
            await started.upkeep.sealer.check()
    async with service(data_dir, hand) as started:
        for body in bodies:
            await started.service.accept(body)
        assert started.service.ledger.duplicate == 30
    oracle.check(data_dir)

    damaged = segment(data_dir, "2026-11-24")
    damaged.chmod(0o600)
    damaged.write_bytes(b"\0" * 4_096 + damaged.read_bytes()[4_096:])
    damaged.chmod(0o400)
    async with service(data_dir, hand) as started:
        for body in bodies:
            await started.service.accept(body)
        assert (started.service.ledger.duplicate, started.service.ledger.accepted) == (20, 10)
    assert "a sealed segment cannot be read" in caplog.text
