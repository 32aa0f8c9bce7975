"""Large batches: refused once, taken when the same body comes again, and appended in parts."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.catalogue.rules import BatchRules
from telemetry.catalogue.wire import decode_batch, decode_large_batch
from telemetry.errors import ErrorCode, Refusal
from telemetry.intake.large_batches import AGAIN_WITHIN_S, BODIES_MAX, RefusedBodies
from telemetry.intake.ledger import LargeBatch
from telemetry.running import Running
from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from telemetry.storage.log.segment import Segment
from tests.support import oracle
from tests.support.events import Fields, encode, make_event, timestamp
from tests.support.faults import failing
from tests.support.service import HandClock, accept, service

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)

pytestmark = pytest.mark.case(48)


def queue_of(hand: HandClock, count: int) -> list[Fields]:
    return [make_event(timestamp=timestamp(hand.now, milliseconds=-number)) for number in range(count)]


async def refusal_of(running: Running, body: bytes) -> ErrorCode | None:
    """Send a body; return why it was refused, or None."""
    try:
        await running.service.accept(body)
    except Refusal as refusal:
        return refusal.code
    return None


async def test_while_one_large_batch_is_at_work_another_is_told_to_come_again(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as running:
        bodies = [encode(queue_of(hand, 300 + number)) for number in range(3)]
        for body in bodies:
            assert await refusal_of(running, body) == ErrorCode.TOO_MANY_EVENTS

        found = await asyncio.gather(*(refusal_of(running, body) for body in bodies))

        assert found == [None, ErrorCode.BUSY, ErrorCode.BUSY]
        assert [await refusal_of(running, body) for body in bodies] == [None] * 3
        assert running.service.ledger.unsettled == 0
    assert len(oracle.check(data_dir)) == 302


async def test_a_small_batch_does_not_wait_for_the_end_of_a_large_one(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as running:
        body = encode(queue_of(hand, 5_000))
        await refusal_of(running, body)
        large = asyncio.create_task(accept(running.service, body))
        small = 0
        while not large.done():
            event = make_event("user_action", timestamp=timestamp(hand.now), hoursSinceDiscovery=small)
            assert await running.service.accept(encode([event])) == b'{"success":true,"eventsProcessed":1}'
            small += 1
        await large

    assert small >= 5
    assert len(oracle.check(data_dir)) == 5_000 + small


async def test_a_large_batch_that_fails_in_the_middle_is_completed_by_the_next_try(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = HandClock()
    append, groups = Segment.append, 0

    async def append_two(self: Segment, *arguments: object) -> object:
        nonlocal groups
        groups += 1
        with failing_after_two(groups, data_dir, hand):
            return await append(self, *arguments)  # type: ignore[arg-type]

    async with service(data_dir, hand) as running:
        body = encode(queue_of(hand, 5_000))
        await refusal_of(running, body)
        with monkeypatch.context() as patched:
            patched.setattr(Segment, "append", append_two)
            assert await refusal_of(running, body) == ErrorCode.STORAGE_ERROR
        ledger = running.service.ledger
        assert 0 < ledger.accepted < 5_000
        assert ledger.shed == 5_000 - ledger.accepted
        assert ledger.unsettled == 0

        stored_before = ledger.accepted
        assert json.loads(await running.service.accept(body))["eventsProcessed"] == 5_000
        assert (ledger.accepted, ledger.duplicate) == (5_000, stored_before)
        assert ledger.unsettled == 0
    assert len(oracle.check(data_dir)) == 5_000


@contextmanager
def failing_after_two(groups: int, data_dir: Path, hand: HandClock) -> Iterator[None]:
    if groups <= 2:
        yield
        return
    with failing(data_dir / "events" / f"{hand.now.date()}.db", "events"):
        yield


async def test_events_of_a_large_batch_whose_task_is_cancelled_are_settled(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as running:
        body = encode(queue_of(hand, 3_000))
        await refusal_of(running, body)
        leaving = asyncio.create_task(accept(running.service, body))
        ledger = running.service.ledger
        # By now it was decoded, and its first part is being appended.
        await running.service.accept(encode([make_event(timestamp=timestamp(hand.now, hours=-1))]))
        assert 0 < ledger.accepted < 3_000
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)

        assert await refusal_of(running, body) is None
        assert ledger.unsettled == 0
    assert len(oracle.check(data_dir)) == 3_001


async def test_an_installation_excluded_between_two_parts_has_nothing_stored_of_the_rest(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as running:
        events = queue_of(hand, 5_000)
        body = encode(events)
        await refusal_of(running, body)
        large = asyncio.create_task(accept(running.service, body))
        await running.service.accept(encode([make_event(timestamp=timestamp(hand.now, hours=-1))]))
        assert 0 < running.service.ledger.accepted < 5_000
        await running.upkeep.eraser.erase(ErasureRequest(events[0]["installationId"], ErasureKind.EXCLUDE))

        assert json.loads(await large)["eventsProcessed"] == 5_000
        assert running.service.ledger.excluded > 0
        assert running.service.ledger.unsettled == 0
    assert oracle.raw_events(data_dir) == []


async def test_zero_turns_the_second_limit_off(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand, batch_events_retry_max=0) as running:
        body = encode(queue_of(hand, 101))
        assert {await refusal_of(running, body) for _ in range(3)} == {ErrorCode.TOO_MANY_EVENTS}
        assert running.service.ledger.large_batches == {LargeBatch.REFUSED: 3}


async def test_a_body_that_comes_again_after_ten_minutes_is_refused_as_the_first_time(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as running:
        body = encode(queue_of(hand, 101))
        for pause_s, refused in ((0, True), (AGAIN_WITHIN_S + 1, True), (AGAIN_WITHIN_S - 1, False)):
            hand.pass_time(pause_s)
            assert (await refusal_of(running, body) is not None) == refused


def test_at_most_ten_thousand_refused_bodies_are_remembered_the_latest_ones() -> None:
    bodies = RefusedBodies()
    for number in range(BODIES_MAX + 5):
        assert not bodies.came_before(b"%d" % number, number / 1_000)

    assert len(bodies) == BODIES_MAX
    assert bodies.came_before(b"%d" % (BODIES_MAX + 4), 100.0)
    assert not bodies.came_before(b"0", 100.0)
    assert not bodies.came_before(b"next", 100.0 + 2 * AGAIN_WITHIN_S)
    assert len(bodies) == 1


def test_two_processes_remember_a_body_by_different_digests() -> None:
    first, second = RefusedBodies(), RefusedBodies()
    for bodies in (first, second):
        bodies.came_before(b"body", 0.0)

    assert first._came_at.keys().isdisjoint(second._came_at)


ITEMS = [
    *(encode([make_event("scan_completion", timestamp=timestamp(NOW), durationMs=number)])[12:-2] for number in (1, 2)),
    encode([make_event("user_action", timestamp=timestamp(NOW), newer=1)])[12:-2],
    encode([make_event("user_action", timestamp=timestamp(NOW, days=2))])[12:-2],
    b'{"type":"scan_completion"}',
    b'{"type":"x","a":%b}' % (b"1" * 5_000),
    b'{"type":"x","a":"\\ud800"}',
    b"7",
    b"[[]]",
]


@given(items=st.lists(st.sampled_from(ITEMS), min_size=1, max_size=12), part=st.integers(1, 5))
def test_a_batch_decoded_in_parts_is_what_it_is_as_a_whole(items: list[bytes], part: int) -> None:
    body = b'{"newer": [1], "events" : [%b]}' % b" , ".join(items)
    rules = [BatchRules(most, NOW - timedelta(days=90), NOW + timedelta(hours=24)) for most in (part, 12)]

    in_parts = asyncio.run(decode_large_batch(body, rules[0]))

    whole = decode_batch(body, rules[1])
    assert (in_parts.rows, in_parts.digests, in_parts.rejections) == (whole.rows, whole.digests, whole.rejections)
    assert [type(event) for event in in_parts.events] == [type(event) for event in whole.events]
    assert len(in_parts.mistimed) == len(whole.mistimed)


async def test_copies_of_an_event_that_are_far_apart_in_a_large_batch_are_all_stored_once(data_dir: Path) -> None:
    hand = HandClock()
    events = queue_of(hand, 1_500)
    async with service(data_dir, hand) as running:
        body = encode([*events, *events, events[0]])
        assert await refusal_of(running, body) == ErrorCode.TOO_MANY_EVENTS
        for _ in range(2):
            assert json.loads(await running.service.accept(body))["eventsProcessed"] == 3_001

    assert len(oracle.raw_events(data_dir)) == 3_001
