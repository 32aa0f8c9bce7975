"""When counters are flushed: how long the flusher waits, and what makes it flush earlier or at its usual pace again."""

import asyncio
import sqlite3

import pytest

from telemetry.counting.counters import Counters
from telemetry.counting.day_labels import DayLabels
from telemetry.tasks.flusher import Flusher, pause_s
from tests.support.service import HandClock

INTERVAL_S = 0.05


@pytest.mark.parametrize(
    ("last_flush_s", "expected"),
    [(0, 5), (0.5, 5), (1, 17 / 3), (3, 17), (60, 30)],
    ids=["none", "short", "a second", "three seconds", "a minute"],
)
def test_flushes_take_a_seventh_of_the_time_unless_statistics_grow_old(last_flush_s: float, expected: float) -> None:
    assert pause_s(5.0, last_flush_s) == pytest.approx(expected)


class Flushing:
    """Flushes that take as long as they are told, by the clock of the test; some fail."""

    def __init__(self) -> None:
        self.hand = HandClock()
        self.times: list[float] = []
        self.wanted = 0
        self.enough = asyncio.Event()
        self.duration_s = 0.0
        self.fails = False
        self.flusher = Flusher(
            self.flush,
            Counters(DayLabels(labels_max=8)),
            interval_s=INTERVAL_S,
            keys_max=lambda: 5,
            monotonic=self.hand.clock.monotonic,
        )

    async def flush(self) -> None:
        self.times.append(asyncio.get_running_loop().time())
        if len(self.times) == self.wanted:
            self.enough.set()
        self.hand.pass_time(self.duration_s)
        if self.fails:
            raise sqlite3.OperationalError("disk I/O error")

    async def pauses(self, flushes: int) -> list[float]:
        """Return the pauses between so many flushes."""
        self.wanted = flushes
        running = asyncio.create_task(self.flusher.run())
        await self.enough.wait()
        self.fails = False
        self.flusher.close()
        await running
        return [later - earlier for earlier, later in zip(self.times[: flushes - 1], self.times[1:], strict=False)]


async def test_long_flushes_are_farther_apart() -> None:
    flushing = Flushing()
    flushing.duration_s = 1.0

    pauses = await flushing.pauses(3)

    assert min(pauses) >= INTERVAL_S * 5.9


async def test_a_flush_that_failed_is_tried_again_after_one_interval() -> None:
    flushing = Flushing()
    flushing.duration_s, flushing.fails = 1.0, True

    pauses = await flushing.pauses(4)

    assert min(pauses) < INTERVAL_S * 3
