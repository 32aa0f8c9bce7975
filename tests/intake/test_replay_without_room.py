"""Case 47 inside a process: replays and midnights on a full disk count everything, and nothing twice."""

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest

from telemetry.errors import ErrorCode, Refusal
from telemetry.storage.sqlite.disk_room import fullness
from tests.support import oracle
from tests.support.events import Traffic, encode
from tests.support.faults import crash_image
from tests.support.limits import no_room
from tests.support.segments import DAY_S
from tests.support.service import HandClock, service

EVENTS = 1_000
# Enough for what programs share that have a database open, and for no flush: the log of the aggregates is longer.
LITTLE = 100_000


async def left_by_a_kill(tmp_path: Path, hand: HandClock) -> Path:
    """Return a data directory with events that were never flushed."""
    async with service(tmp_path / "lived", hand) as running:
        traffic = Traffic(moment=hand.now)
        for _ in range(EVENTS // 100):
            await running.service.accept(encode(traffic.batch(100)))
        return crash_image(tmp_path / "lived", tmp_path / "data")


@pytest.mark.case(47)
async def test_a_replay_without_room_for_a_flush_counts_in_memory_and_is_flushed_when_there_is(tmp_path: Path) -> None:
    hand = HandClock()
    data_dir = await left_by_a_kill(tmp_path, hand)
    with no_room(above=LITTLE):
        lifetime = service(data_dir, hand, flush_keys_max=10, flush_interval_s=0.05)
        running = await lifetime.__aenter__()
        assert running.service.failing() == ErrorCode.STORAGE_FULL
        assert json.loads(running.service.stats().body)["totalEvents"] == 0
    for _ in range(500):
        if running.service.failing() is None:
            break
        await asyncio.sleep(0.01)
    assert json.loads(running.service.stats().body)["totalEvents"] == EVENTS
    await lifetime.__aexit__(None, None, None)

    assert len(oracle.check(data_dir)) == EVENTS


@pytest.mark.case(47)
async def test_a_replay_that_would_count_too_much_in_memory_is_begun_again_when_there_is_room(tmp_path: Path) -> None:
    hand = HandClock()
    data_dir = await left_by_a_kill(tmp_path, hand)
    with no_room(above=LITTLE), pytest.raises(sqlite3.Error) as failed:
        await service(data_dir, hand, flush_keys_max=5, counter_keys_max=20).__aenter__()
    with no_room(above=LITTLE):
        assert fullness(failed.value, data_dir) is not None
    async with service(data_dir, hand):
        pass

    assert len(oracle.check(data_dir)) == EVENTS


@pytest.mark.case(47)
async def test_a_day_that_begins_on_a_full_disk_is_told_as_storage_full(tmp_path: Path) -> None:
    hand = HandClock()
    async with service(tmp_path, hand) as running:
        await running.service.accept(encode(Traffic(moment=hand.now).batch(3)))
        hand.pass_time(DAY_S)
        body = encode(Traffic(seed=2, moment=hand.now).batch(3))
        with no_room(), pytest.raises(Refusal) as refused:
            await running.service.accept(body)
        assert refused.value.code == ErrorCode.STORAGE_FULL
        await running.service.accept(body)

    assert len(oracle.check(tmp_path)) == 6
