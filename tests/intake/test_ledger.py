"""The ledger adds up: whatever happens to an event, it is counted once and under the right name."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.counting.counters import Counters
from telemetry.errors import Refusal, RejectionCode
from telemetry.intake.ledger import Ledger
from telemetry.running import Running
from telemetry.storage.log.segment import Segment
from tests.support import oracle
from tests.support.events import encode, make_event, timestamp
from tests.support.faults import failing
from tests.support.service import HandClock, accept, service

INVALID = {"type": "Not A Type"}


def numbered(hand: HandClock, *numbers: int) -> list[Any]:
    """Return valid events; equal numbers make equal events."""
    return [make_event(timestamp=timestamp(hand.now, milliseconds=-number)) for number in numbers]


async def post(running: Running, *batches: list[Any]) -> list[bool]:
    """Send batches at once; return which were answered with a receipt."""
    answers = await asyncio.gather(
        *(accept(running.service, encode(batch)) for batch in batches), return_exceptions=True
    )
    for answer in answers:
        assert isinstance(answer, bytes | Refusal), answer
    return [isinstance(answer, bytes) for answer in answers]


def outcomes(ledger: Ledger) -> tuple[int, int, int, int]:
    """Return what became of the events, after making sure that it is all of them."""
    found = (ledger.accepted, ledger.rejected.total(), ledger.duplicate, ledger.shed)
    assert ledger.received == sum(found)
    assert ledger.unsettled == 0
    return found


def segment(data_dir: Path, hand: HandClock) -> Path:
    return data_dir / "events" / f"{hand.now.date()}.db"


async def test_events_are_accepted_rejected_or_duplicates(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as running:
        await post(running, [*numbered(hand, 1, 2, 2), INVALID, 7])
        await post(running, numbered(hand, 2, 3))
        await post(running, [INVALID], [])

        ledger = running.service.ledger
        assert outcomes(ledger) == (4, 3, 1, 0)
        assert ledger.rejected == {RejectionCode.TYPE_INVALID: 2, RejectionCode.NOT_AN_OBJECT: 1}
        assert ledger.commit_seconds.buckets()[-1][1] == ledger.group_events.buckets()[-1][1] == 2
        assert ledger.group_events.sum == 4
    assert len(oracle.check(data_dir)) == 4


async def test_events_of_a_request_refused_whole_are_not_received(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand, batch_events_max=2) as running:
        for body in (b"{", b"[]", b'{"events":{}}', encode(numbered(hand, 1, 2, 3)), encode([INVALID] * 3)):
            with pytest.raises(Refusal):
                await running.service.accept(body)

        assert running.service.ledger.received == 0


@pytest.mark.parametrize("fails", [False, True])
async def test_a_duplicate_of_an_event_being_appended_is_shed_with_it_if_that_fails(
    data_dir: Path, fails: bool
) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as running:
        await post(running, numbered(hand, 0))
        if fails:
            with failing(segment(data_dir, hand), "events"):
                assert await post(running, numbered(hand, 1, 2), numbered(hand, 2, 1, 0)) == [False, False]
        else:
            assert await post(running, numbered(hand, 1, 2), numbered(hand, 2, 1, 0)) == [True, True]

        # The event that the log knew already is a duplicate either way.
        assert outcomes(running.service.ledger) == ((1, 0, 1, 4) if fails else (3, 0, 3, 0))
    assert len(oracle.check(data_dir)) == (1 if fails else 3)


async def test_valid_events_for_which_there_is_no_room_are_shed(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand, queue_events_max=3) as running:
        assert await post(running, numbered(hand, 1, 2), [*numbered(hand, 3, 4), INVALID]) == [True, False]

        assert outcomes(running.service.ledger) == (2, 1, 0, 2)
    assert len(oracle.check(data_dir)) == 2


async def test_events_that_come_after_closing_are_shed(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as running:
        await post(running, numbered(hand, 1))
    assert await post(running, numbered(hand, 2)) == [False]

    assert outcomes(running.service.ledger) == (1, 0, 0, 1)
    assert len(oracle.check(data_dir)) == 1


async def test_events_of_a_client_that_left_are_counted_by_what_became_of_them(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as running:
        leaving = asyncio.create_task(accept(running.service, encode(numbered(hand, 1, 2))))
        await asyncio.sleep(0)
        leaving.cancel()
        await post(running, numbered(hand, 2, 3))

        assert outcomes(running.service.ledger) == (3, 0, 1, 0)
    assert len(oracle.check(data_dir)) == 3


@pytest.mark.parametrize("dies_after_its_commit", [False, True])
async def test_events_of_an_appender_that_dies_are_counted_by_what_is_in_the_log(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, dies_after_its_commit: bool
) -> None:
    hand = HandClock()

    def out_of_memory(*_: object) -> None:
        raise MemoryError

    async with service(data_dir, hand) as running:
        await post(running, numbered(hand, 1))
        with monkeypatch.context() as patched:
            if dies_after_its_commit:
                patched.setattr(Counters, "add", out_of_memory)
            else:
                patched.setattr(Segment, "append", out_of_memory)
            assert await post(running, numbered(hand, 2, 3), numbered(hand, 3)) == [False, False]
        assert await post(running, numbered(hand, 4)) == [False]

        assert outcomes(running.service.ledger) == ((3, 0, 1, 1) if dies_after_its_commit else (1, 0, 0, 4))
    assert len(oracle.raw_events(data_dir)) == running.service.ledger.accepted


BATCHES = st.lists(st.lists(st.none() | st.integers(0, 12), max_size=4), min_size=1, max_size=4)
STEPS = st.lists(st.tuples(st.sampled_from(["store", "fail", "leave", "restart"]), BATCHES), min_size=1, max_size=6)


@given(steps=STEPS, queue_events_max=st.integers(4, 12))
def test_the_ledger_adds_up_whatever_happens(steps: list[tuple[str, Any]], queue_events_max: int) -> None:
    with tempfile.TemporaryDirectory(prefix="telemetry-") as folder:
        asyncio.run(live_through(Path(folder, "data"), steps, queue_events_max))


async def live_through(data_dir: Path, steps: Sequence[tuple[str, Any]], queue_events_max: int) -> None:
    hand, shed, most = HandClock(), 0, Counter({0: 1})
    while steps:
        rows_before = len(oracle.raw_events(data_dir))
        sent = invalid = 0
        limits = {"queue_events_max": queue_events_max, "batch_events_max": 4}
        async with service(data_dir, hand, **limits) as running:
            step = "store"
            await post(running, numbered(hand, 0))
            sent += 1
            while steps and step != "restart":
                (step, batches), *steps = steps
                bodies = [[INVALID if number is None else numbered(hand, number)[0] for number in b] for b in batches]
                sent += sum(map(len, bodies))
                invalid += sum(batch.count(None) for batch in batches)
                for batch in batches:
                    most |= Counter(number for number in batch if number is not None)
                await take(running, step, bodies, segment(data_dir, hand))
        accepted, rejected, _, shed_now = outcomes(running.service.ledger)
        assert (running.service.ledger.received, rejected) == (sent, invalid)
        assert len(oracle.raw_events(data_dir)) == rows_before + accepted
        shed += shed_now
    if not shed:
        assert len(oracle.check(data_dir)) == most.total()


async def take(running: Running, step: str, bodies: list[list[Any]], path: Path) -> None:
    """Send batches at once while storing works, fails, or the clients leave."""
    if step == "fail":
        with failing(path, "events"):
            await post(running, *bodies)
    elif step == "leave":
        leaving = [asyncio.create_task(accept(running.service, encode(body))) for body in bodies]
        await asyncio.sleep(0)
        for task in leaving:
            task.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
    else:
        await post(running, *bodies)
