"""A model of append, flush, fail, crash and restart on real files: nothing is ever lost or counted twice."""

import asyncio
import json
import shutil
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from sqlite3 import IntegrityError

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from telemetry.errors import ErrorCode, Refusal
from tests.support import oracle
from tests.support.events import Traffic, encode
from tests.support.faults import crash_image, failing
from tests.support.service import HandClock, service

Identity = tuple[str, str, str]


class ServiceMachine(RuleBasedStateMachine):
    """Knows only which events were acknowledged; the oracle knows only the files."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp(prefix="telemetry-"))
        self.data_dir = self.folder / "0"
        self.hand = HandClock()
        self.occurred_at = self.hand.now - timedelta(days=3)
        self.traffic = Traffic(moment=self.occurred_at)
        self.bodies: list[bytes] = []
        self.acknowledged: Counter[Identity] = Counter()
        self.stack = AsyncExitStack()
        self._start()

    @rule(sizes=st.lists(st.integers(1, 5), min_size=1, max_size=3), copies=st.integers(1, 3))
    def post_concurrently(self, sizes: list[int], copies: int) -> None:
        bodies = [encode(self.traffic.batch(size) * copies) for size in sizes]
        self._acknowledge(bodies)

    @precondition(lambda self: self.bodies)
    @rule(at=st.integers(0, 100))
    def resend(self, at: int) -> None:
        before = self.acknowledged.copy()
        self._acknowledge([self.bodies[at % len(self.bodies)]] * 2)
        self.acknowledged = before

    @rule(size=st.integers(1, 5))
    def fail_to_append(self, size: int) -> None:
        self._acknowledge([encode(self.traffic.batch(1))])
        with failing(self._today, "events"), pytest.raises(Refusal) as refused:
            self.loop.run_until_complete(self.running.service.accept(encode(self.traffic.batch(size))))
        assert refused.value.code is ErrorCode.STORAGE_ERROR

    @rule()
    def flush(self) -> None:
        self.loop.run_until_complete(self.running.publisher.flush())

    @rule()
    def fail_to_flush(self) -> None:
        self._acknowledge([encode(self.traffic.batch(2))])
        with failing(self.data_dir / "telemetry.db", "state"), pytest.raises(IntegrityError):
            self.flush()

    @rule(seconds=st.sampled_from([1, 60, 86_400]))
    def move_the_wall_clock_forward(self, seconds: int) -> None:
        self.hand.jump(seconds)

    # Further back, the traffic's events would be too far ahead of the clock to be accepted.
    @precondition(lambda self: self.hand.now > self.occurred_at)
    @rule()
    def move_the_wall_clock_back(self) -> None:
        self.hand.jump(-86_400)

    @rule()
    def restart(self) -> None:
        self._stop()
        self._start()

    @rule()
    def crash(self) -> None:
        image = crash_image(self.data_dir, self.folder / str(int(self.data_dir.name) + 1))
        self._stop()
        shutil.rmtree(self.data_dir)
        self.data_dir = image
        self._start()
        self._check()

    def teardown(self) -> None:
        self._stop()
        self._check()
        self.loop.close()
        shutil.rmtree(self.folder)

    @property
    def _today(self) -> Path:
        return self.data_dir / "events" / f"{self.hand.now.date()}.db"

    def _start(self) -> None:
        # A window longer than any jump of the clock: whatever is sent again here is a duplicate.
        opened = service(self.data_dir, self.hand, duplicate_window_s=10**7)
        self.running = self.loop.run_until_complete(self.stack.enter_async_context(opened))

    def _stop(self) -> None:
        self.loop.run_until_complete(self.stack.aclose())

    def _acknowledge(self, bodies: list[bytes]) -> None:
        async def post() -> None:
            receipts = await asyncio.gather(*(self.running.service.accept(body) for body in bodies))
            for body, receipt in zip(bodies, receipts, strict=True):
                sent = json.loads(body)["events"]
                assert json.loads(receipt) == {"success": True, "eventsProcessed": len(sent)}
                self.acknowledged.update((event["type"], event["timestamp"], event["installationId"]) for event in sent)

        self.loop.run_until_complete(post())
        self.bodies.extend(bodies)

    def _check(self) -> None:
        stored = oracle.check(self.data_dir)
        assert Counter((raw.type, raw.timestamp, raw.installation_id) for raw in stored) == self.acknowledged


@pytest.mark.parametrize("lives", [10, pytest.param(60, marks=pytest.mark.torture)])
def test_nothing_is_lost_or_counted_twice_whatever_happens_in_a_life(lives: int) -> None:
    run_state_machine_as_test(ServiceMachine, settings=settings(max_examples=lives, stateful_step_count=20))
