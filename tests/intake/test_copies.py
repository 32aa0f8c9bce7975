"""Case 49 of the fault list: an event is stored as often as the batch that had the most copies of it."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.catalogue.rows import Row, digests, nth_copy
from telemetry.errors import Refusal
from tests.support import oracle
from tests.support.events import Fields, encode, make_event, timestamp
from tests.support.faults import crash_image, failing
from tests.support.service import HandClock, service

Batch = list[int]

EVENTS = st.integers(0, 3)
BATCHES = st.lists(st.lists(EVENTS, min_size=1, max_size=7), min_size=1, max_size=4)
STEPS = st.lists(st.tuples(st.sampled_from(["store", "fail", "restart", "crash"]), BATCHES), min_size=1, max_size=6)


def made(hand: HandClock, number: int) -> Fields:
    """Return an event; equal numbers make equal events."""
    return make_event(timestamp=timestamp(hand.now, milliseconds=-number))


def row(number: int) -> Row:
    return Row("scan_completion", str(number), "unknown", "0.9.1", "{}")


@given(st.lists(EVENTS, max_size=12))
def test_digests_of_a_batch_are_distinct_and_number_the_copies_of_each_event_from_zero(numbers: Batch) -> None:
    found = digests([row(number) for number in numbers])

    expected = [nth_copy(row(number).digest(), numbers[:at].count(number)) for at, number in enumerate(numbers)]
    assert found == expected
    assert len(set(found)) == len(found)


@pytest.mark.case(49)
@given(steps=STEPS)
def test_an_event_is_stored_as_often_as_the_batch_with_the_most_copies_has_it(
    steps: list[tuple[str, list[Batch]]],
) -> None:
    with tempfile.TemporaryDirectory(prefix="telemetry-") as folder:
        asyncio.run(Life(Path(folder)).live_through(steps))


class Life:
    """A service that is restarted, killed and out of order, with what its clients sent."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "0"
        self.hand = HandClock()
        self.sent: list[Batch] = []
        self.acknowledged: list[Batch] = []

    async def live_through(self, steps: Sequence[tuple[str, list[Batch]]]) -> None:
        """Take every step, then have each client send everything again; look at the log after each life and then."""
        while steps:
            steps = await self._live(steps)
            self._compare(oracle.raw_events(self.data_dir), at_least=most_copies(self.acknowledged))
        async with service(self.data_dir, self.hand) as running:
            for batch in self.sent:
                await running.service.accept(self._body(batch))
        self._compare(oracle.check(self.data_dir), at_least=most_copies(self.sent))

    async def _live(self, steps: Sequence[tuple[str, list[Batch]]]) -> Sequence[tuple[str, list[Batch]]]:
        """Take steps until the life ends; return the others."""
        image = self.data_dir
        async with service(self.data_dir, self.hand) as running:
            await running.service.accept(self._body([-1]))
            step = ""
            while steps and step not in {"restart", "crash"}:
                (step, batches), *steps = steps
                posting = [running.service.accept(self._body(batch)) for batch in batches]
                if step == "fail":
                    with failing(self.data_dir / "events" / f"{self.hand.now.date()}.db", "events"):
                        answers = await asyncio.gather(*posting, return_exceptions=True)
                else:
                    answers = await asyncio.gather(*posting, return_exceptions=True)
                self._note(batches, answers)
            if step == "crash":
                image = crash_image(self.data_dir, self.data_dir.with_name(str(int(self.data_dir.name) + 1)))
        self.data_dir = image
        return steps

    def _note(self, batches: list[Batch], answers: Sequence[object]) -> None:
        self.sent += batches
        for batch, answer in zip(batches, answers, strict=True):
            assert isinstance(answer, bytes | Refusal), answer
            if isinstance(answer, bytes):
                self.acknowledged.append(batch)

    def _body(self, batch: Batch) -> bytes:
        return encode([made(self.hand, number) for number in batch])

    def _compare(self, found: list[oracle.Raw], at_least: Counter[str]) -> None:
        stored = Counter(raw.timestamp for raw in found)
        assert at_least <= stored, "acknowledged, but not stored"
        assert stored <= most_copies(self.sent), "stored too often"


def most_copies(batches: list[Batch]) -> Counter[str]:
    """Return for each event how many copies of it one of the batches has at most."""
    hand, most = HandClock(), Counter[int]({-1: 1})
    for batch in batches:
        most |= Counter(batch)
    return Counter({made(hand, number)["timestamp"]: copies for number, copies in most.items()})
