"""The oracle is not the service's friend: a bug planted in each of its promises is found."""

import shutil
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
import pytest

from telemetry.catalogue.batches import Batch
from telemetry.catalogue.rows import Row, digests
from telemetry.catalogue.rules import BatchRules
from telemetry.catalogue.wire import Wire, decode_batch, decode_large_batch
from telemetry.intake import recovery
from telemetry.intake.duplicates import DuplicateWindow
from telemetry.intake.groups import Group, GroupQueue
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.aggregates.segment_states import Counts, SegmentStates
from telemetry.storage.log.segment import Segment, StoredEvent
from tests.support import tally
from tests.support.events import Traffic, encode
from tests.support.load import Ledger
from tests.support.segments import DAY_S
from tests.support.service import HandClock, service

Bug = Callable[[], AbstractContextManager[Any]]


async def short_life(data_dir: Path) -> None:
    """Accept, flush, crash, replay, send again and seal; then have everything that was acknowledged checked."""
    hand, ledger = HandClock(), Ledger()
    traffic = Traffic(moment=hand.now)
    crashed = data_dir.with_name("crashed")
    async with service(data_dir, hand) as started:
        batches = [(events := traffic.batch(10)) + events[:2] for _ in range(6)]
        for number, batch in enumerate(batches):
            await started.service.accept(encode(batch))
            ledger.enter(batch)
            if number % 2 == 0:
                await started.publisher.flush()
        shutil.copytree(data_dir, crashed, ignore=shutil.ignore_patterns("*.sock"))
    async with service(crashed, hand) as started:
        await started.service.accept(encode(batches[-1]))
        await started.publisher.flush()
        hand.pass_time(DAY_S)
        await started.upkeep.sealer.check()
    ledger.check(crashed)


def ids_without_rows() -> AbstractContextManager[Any]:
    given = iter(range(1, 1_000))

    async def append(_self: Segment, rows: list[Row], _received_at: str) -> range:
        first = next(given)
        for _ in rows[1:]:
            next(given)
        return range(first, first + len(rows))

    return mock.patch.object(Segment, "append", append)


def one_event_of_a_group_dropped() -> AbstractContextManager[Any]:
    put = GroupQueue.put

    def put_too_few(self: GroupQueue, events: list[Any], rows: list[Row], digests: list[int], body_bytes: int) -> Group:
        kept = max(1, len(rows) - 1)
        return put(self, events[:kept], rows[:kept], digests, body_bytes)

    return mock.patch.object(GroupQueue, "put", put_too_few)


def payloads_mixed_up() -> AbstractContextManager[Any]:
    append = Segment.append

    async def append_mixed(self: Segment, rows: list[Row], received_at: str) -> range:
        unknown = [msgspec.structs.replace(row, payload='{"count":1}') for row in rows]
        return await append(self, [*rows[:-1], unknown[-1]], received_at)

    return mock.patch.object(Segment, "append", append_mixed)


def counters_added_twice() -> AbstractContextManager[Any]:
    add: Callable[..., Awaitable[None]] = Aggregates.add

    async def add_twice(self: Aggregates, delta: Any) -> None:
        await add(self, delta)
        await add(self, delta)

    return mock.patch.object(Aggregates, "add", add_twice)


def first_event_skipped() -> AbstractContextManager[Any]:
    read_after = Segment.read_after

    async def read_too_late(self: Segment, event_id: int, limit: int) -> list[StoredEvent]:
        return await read_after(self, event_id + 1, limit)

    return mock.patch.object(Segment, "read_after", read_too_late)


def one_installation_too_many() -> AbstractContextManager[Any]:
    seal = SegmentStates.seal

    async def seal_wrongly(self: SegmentStates, day: str, watermark: int, counts: Counts, sealed_at: str) -> None:
        await seal(self, day, watermark, Counts(counts.rows, counts.installations + 1), sealed_at)

    return mock.patch.object(SegmentStates, "seal", seal_wrongly)


def nothing_remembered() -> AbstractContextManager[Any]:
    return mock.patch.object(DuplicateWindow, "remember")


def copies_taken_for_one() -> AbstractContextManager[Any]:
    def decode(body: bytes, rules: BatchRules) -> Batch:
        batch = decode_batch(body, rules)
        firsts = [at for at, row in enumerate(batch.rows) if row not in batch.rows[:at]]
        events, rows = [batch.events[at] for at in firsts], [batch.rows[at] for at in firsts]
        return Batch(events, rows, digests(rows))

    return mock.patch.dict("telemetry.intake.service._DECODERS", {Wire.V1: (decode, decode_large_batch)})


def copies_not_numbered_at_start() -> AbstractContextManager[Any]:
    return mock.patch.object(recovery._Numbering, "number", lambda _self, digests, _installations: digests)


async def test_the_short_life_is_found_to_be_in_order(data_dir: Path) -> None:
    await short_life(data_dir)


@pytest.mark.parametrize(
    ("bug", "finding"),
    [
        (ids_without_rows, "acknowledged, but not stored"),
        (one_event_of_a_group_dropped, "acknowledged, but not stored"),
        (payloads_mixed_up, "stored twice"),
        (counters_added_twice, "daily_stats"),
        (first_event_skipped, "daily_stats"),
        (one_installation_too_many, "daily_stats"),
        (nothing_remembered, "stored twice"),
        (copies_taken_for_one, "acknowledged, but not stored"),
        (copies_not_numbered_at_start, "stored twice"),
    ],
)
async def test_a_bug_in_append_flush_replay_seal_or_duplicate_detection_is_found(
    data_dir: Path, bug: Bug, finding: str
) -> None:
    with bug(), tally.tallying(lambda _tally: None), pytest.raises(AssertionError, match=finding):
        await short_life(data_dir)
