import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from telemetry.counting.counters import Counters
from telemetry.errors import ErrorCode, Refusal
from telemetry.intake.receipts import PendingReceipt
from telemetry.intake.service import TelemetryService
from tests.support import oracle
from tests.support.events import Traffic, encode, make_event, timestamp
from tests.support.faults import failing
from tests.support.service import HandClock, accept, service

TODAY = "2026-11-23"
PLAIN_TYPES = ("pattern_signature", "scan_completion")


async def refused(accepting: TelemetryService, body: bytes) -> ErrorCode:
    with pytest.raises(Refusal) as refusal:
        await accepting.accept(body)
    return refusal.value.code


async def until(condition: Callable[[], object]) -> None:
    """Return once a condition holds."""
    while not condition():  # noqa: ASYNC110 - the service under test has no event for it
        await asyncio.sleep(0.01)


async def test_requests_that_arrive_together_share_a_transaction(data_dir: Path) -> None:
    hand = HandClock()
    traffic = Traffic(moment=hand.now)
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(traffic.batch(1)))
        commits_before = data_version(data_dir)
        await asyncio.gather(*(started.service.accept(encode(traffic.batch(2))) for _ in range(50)))
        commits = data_version(data_dir) - commits_before

    assert len(oracle.check(data_dir)) == 101
    assert commits <= 2


async def test_a_group_holds_no_more_than_its_bound_and_what_is_too_much_for_it_follows(data_dir: Path) -> None:
    hand = HandClock()
    traffic = Traffic(moment=hand.now)
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(traffic.batch(1)))
        await asyncio.gather(*(started.service.accept(encode(traffic.batch(100))) for _ in range(30)))
        sizes = started.service.ledger.group_events
        held_by_bound = dict(sizes.buckets())[2_000]

    assert held_by_bound == sizes.buckets()[-1][1] >= 4
    assert sizes.sum == len(oracle.check(data_dir)) == 3_001


def data_version(data_dir: Path) -> int:
    """Return how many transactions the write-ahead log of today's segment has seen, by its commit frames."""
    wal = (data_dir / "events" / f"{TODAY}.db-wal").read_bytes()
    page_bytes = int.from_bytes(wal[8:12], "big")
    frames = range(32, len(wal), page_bytes + 24)
    return sum(int.from_bytes(wal[frame + 4 : frame + 8], "big") > 0 for frame in frames)


async def test_a_duplicate_of_an_event_still_being_appended_shares_its_fate(data_dir: Path) -> None:
    hand = HandClock()
    body = encode([make_event(timestamp=timestamp(hand.now))])
    async with service(data_dir, hand) as started:
        await started.service.accept(encode([make_event("user_action", timestamp=timestamp(hand.now))]))
        with failing(data_dir / "events" / f"{TODAY}.db", "events"):
            first = asyncio.create_task(accept(started.service, body))
            await asyncio.sleep(0)
            await until(lambda: not started.service._appender._queue)
            assert await refused(started.service, body) is ErrorCode.STORAGE_ERROR
            with pytest.raises(Refusal):
                await first
        await asyncio.gather(*(started.service.accept(body) for _ in range(3)))

    assert len(oracle.check(data_dir)) == 2


async def test_a_request_that_gives_up_does_not_take_its_group_with_it(data_dir: Path) -> None:
    hand = HandClock()
    bodies = [encode([make_event(timestamp=timestamp(hand.now, seconds=number))]) for number in (1, 2)]
    async with service(data_dir, hand) as started:
        impatient, patient = (asyncio.create_task(accept(started.service, body)) for body in bodies)
        await asyncio.sleep(0)
        impatient.cancel()
        await patient

    assert impatient.cancelled()
    assert len(oracle.check(data_dir)) == 2


@pytest.mark.parametrize("bound", [{"queue_events_max": 3}, {"queue_bytes_max": 700}])
async def test_a_full_queue_refuses_with_busy_and_recovers(data_dir: Path, bound: dict[str, int]) -> None:
    hand = HandClock()
    traffic = Traffic(moment=hand.now)
    async with service(data_dir, hand, **bound) as started:
        waiting = asyncio.create_task(accept(started.service, encode(traffic.batch(2))))
        await asyncio.sleep(0)
        assert await refused(started.service, encode(traffic.batch(2))) is ErrorCode.BUSY
        await waiting
        await started.service.accept(encode(traffic.batch(2)))

    assert len(oracle.check(data_dir)) == 4


async def test_a_body_that_waits_for_the_events_of_another_takes_room_in_the_queue_too(data_dir: Path) -> None:
    hand = HandClock()
    body = encode(Traffic(moment=hand.now).batch(2))
    async with service(data_dir, hand, queue_bytes_max=2 * len(body)) as started:
        waiting = [asyncio.create_task(accept(started.service, body)) for _ in range(2)]
        await asyncio.sleep(0)
        assert await refused(started.service, body) is ErrorCode.BUSY
        await asyncio.gather(*waiting)
        assert started.service._appender.queued == (0, 0)

    assert len(oracle.check(data_dir)) == 2


async def test_what_waits_has_settled_whichever_group_is_looked_at_first(data_dir: Path) -> None:
    hand = HandClock()
    traffic = Traffic(moment=hand.now)
    async with service(data_dir, hand) as started:
        waiting = [asyncio.create_task(accept(started.service, encode(traffic.batch(100)))) for _ in range(60)]
        await asyncio.sleep(0)
        await asyncio.wait_for(started.service._appender.settle(), 30)
        assert started.service._appender.queued == (0, 0)
        await asyncio.gather(*waiting)

    assert len(oracle.check(data_dir)) == 6_000


async def test_counters_that_cannot_be_flushed_stop_the_intake_before_memory_ends(data_dir: Path) -> None:
    hand = HandClock()
    traffic = Traffic(moment=hand.now)
    async with service(data_dir, hand, counter_keys_max=3) as started:
        await started.service.accept(encode(traffic.batch(5)))
        assert await refused(started.service, encode(traffic.batch(1))) is ErrorCode.STORAGE_ERROR
        assert started.service.failing() is ErrorCode.STORAGE_ERROR
        await started.publisher.flush()
        assert started.service.failing() is None
        await started.service.accept(encode(traffic.batch(1)))

    assert len(oracle.check(data_dir)) == 6


async def test_a_flush_that_waits_for_another_does_not_pass_over_what_that_one_fails_to_store(data_dir: Path) -> None:
    hand = HandClock()
    first, second = (encode([make_event(name, timestamp=timestamp(hand.now))]) for name in PLAIN_TYPES)
    aggregates = data_dir / "telemetry.db"
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(Traffic(moment=hand.now).batch(1)))
        await started.publisher.flush()
        before = oracle.read(aggregates, "SELECT watermark FROM segments")
        with failing(aggregates, "counted_signatures"):
            async with started.publisher._aggregates.change():
                flushes = []
                for body in (first, second):
                    await started.service.accept(body)
                    flushes.append(asyncio.create_task(started.publisher.flush()))
                    await asyncio.sleep(0)
            outcomes = await asyncio.gather(*flushes, return_exceptions=True)
            after = oracle.read(aggregates, "SELECT watermark FROM segments")

    assert [str(outcome) for outcome in outcomes] == ["planted", "planted"]
    assert after == before
    assert len(oracle.check(data_dir)) == 3


async def test_many_counters_are_flushed_early(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand, flush_keys_max=3) as started:
        before = started.service.stats()
        await started.service.accept(encode(Traffic(moment=hand.now).batch(5)))
        await until(lambda: started.service.stats() is not before)

        assert json.loads(started.service.stats().body)["totalEvents"] == 5


async def test_a_failed_append_makes_health_tell_until_a_probe_succeeds(data_dir: Path) -> None:
    hand = HandClock()
    traffic = Traffic(moment=hand.now)
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(traffic.batch(1)))
        with failing(data_dir / "events" / f"{TODAY}.db", "events"):
            assert await refused(started.service, encode(traffic.batch(1))) is ErrorCode.STORAGE_ERROR
            assert started.service.failing() is ErrorCode.STORAGE_ERROR
        await until(lambda: started.service.failing() is None)

    assert len(oracle.check(data_dir)) == 1


async def test_an_appender_that_dies_answers_its_requests_and_a_restart_counts_what_it_left(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = HandClock()
    traffic = Traffic(moment=hand.now)

    def out_of_memory(*_: object) -> None:
        raise MemoryError

    async with service(data_dir, hand) as started:
        await started.service.accept(encode(traffic.batch(3)))
        with monkeypatch.context() as patched:
            patched.setattr(Counters, "_count_installations", out_of_memory)
            assert await refused(started.service, encode(traffic.batch(3))) is ErrorCode.STORAGE_ERROR
        assert await refused(started.service, encode(traffic.batch(1))) is ErrorCode.STORAGE_ERROR
        assert started.service.failing() is ErrorCode.STORAGE_ERROR
        with pytest.raises(MemoryError):
            started.tasks[0].result()
    async with service(data_dir, hand):
        pass

    assert len(oracle.check(data_dir)) == 6


async def test_what_an_appender_that_dies_has_counted_by_half_is_never_flushed(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = HandClock()
    traffic = Traffic(moment=hand.now)
    flushes = []
    async with service(data_dir, hand) as started:

        def out_of_memory(*_: object) -> None:
            # What a timer might do at this moment.
            flushes.append(asyncio.create_task(started.publisher.flush()))
            raise MemoryError

        with monkeypatch.context() as patched:
            patched.setattr(Counters, "_count_labels", out_of_memory)
            bodies = [encode(traffic.batch(100)) for _ in range(30)]
            outcomes = await asyncio.gather(*(accept(started.service, body) for body in bodies), return_exceptions=True)
        await asyncio.gather(*flushes)
        with pytest.raises(MemoryError):
            started.tasks[0].result()

    assert {type(outcome) for outcome in outcomes} == {Refusal}
    assert flushes
    async with service(data_dir, hand):
        pass
    assert len(oracle.check(data_dir)) >= 1_000


async def test_who_cannot_be_told_of_a_commit_costs_none_of_the_others_that_wait_for_it(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hand = HandClock()
    traffic, told = Traffic(moment=hand.now), list[ErrorCode | None]()

    def fails(_: ErrorCode | None) -> None:
        raise ZeroDivisionError

    def receipt() -> PendingReceipt:
        pending = started.service.accept(encode(traffic.batch(1)))
        assert isinstance(pending, PendingReceipt)
        return pending

    async with service(data_dir, hand) as started:
        for tell in (told.append, fails, told.append):
            receipt().when_durable(tell)
        assert not told
        await (last := receipt())
        assert told == [None, None]
        last.when_durable(told.append)

    assert told == [None] * 3
    assert "could not be told" in caplog.text
    assert len(oracle.check(data_dir)) == 4
