"""Signatures that one installation alone has sent leave with their last raw events; all others stay."""

from pathlib import Path

from telemetry.running import Running
from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from telemetry.storage.log.retiring import RetireRequest
from tests.storage.aggregates.test_new_rows import counts, flush
from tests.storage.erasure.test_recounts_after_erasing import A, B, errors
from tests.support.oracle import read
from tests.support.segments import DAY_S, segment
from tests.support.service import HandClock, service

SENT_BY = "SELECT signature_hash, sent_by FROM signature_counts"
DAYS = ("2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23")
START = f"{DAYS[0]}T12:00:00"


async def next_day(started: Running, hand: HandClock) -> None:
    hand.pass_time(DAY_S)
    await started.upkeep.sealer.check()


def senders(data_dir: Path) -> dict[str, str]:
    return dict(read(data_dir / "telemetry.db", SENT_BY))


async def test_a_row_leaves_with_the_last_day_of_the_only_installation_that_has_sent_it(data_dir: Path) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand) as started:
        await flush(started, hand, "aa", "bb", "cc", "dd")
        await flush(started, hand, "bb", installation=B)
        await flush(started, hand, "ee", installation="unknown")
        await next_day(started, hand)
        await flush(started, hand, "cc")
        await flush(started, hand, "dd", installation=B)
    async with service(data_dir, hand) as started:
        await next_day(started, hand)
        await flush(started, hand, "aa", installation=B)
        retire = started.upkeep.orders.retire
        await retire(RetireRequest(DAYS[1]))
        # B has sent it too, but its days are not over.
        assert counts(data_dir) == {"aa": 2, "bb": 2, "cc": 2, "dd": 2, "ee": 1}
        noted = senders(data_dir)
        assert noted["aa"] == noted["cc"] == noted["dd"] != "*"
        assert noted["bb"] == noted["ee"] == "*"
        assert await errors(data_dir, hand) == []
        await retire(RetireRequest(DAYS[2]))
        assert counts(data_dir) == {"aa": 2, "bb": 2, "dd": 2, "ee": 1, "other": 2}
        await next_day(started, hand)
        await retire(RetireRequest(DAYS[3]))
        assert counts(data_dir) == {"aa": 2, "bb": 2, "dd": 2, "ee": 1, "other": 2}
        assert set(senders(data_dir).values()) <= {"", "*"}
        assert await errors(data_dir, hand) == []


async def test_a_day_that_was_never_sealed_tells_of_its_senders_too(data_dir: Path) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand) as started:
        await flush(started, hand, "aa", "bb")
        await flush(started, hand, "bb", installation=B)
        hand.pass_time(DAY_S)
        await flush(started, hand, "cc", installation=B)
        retired = await started.upkeep.orders.retire(RetireRequest(DAYS[1]))

    assert [day.day for day in retired.days] == [DAYS[0]]
    assert counts(data_dir) == {"bb": 2, "cc": 1, "other": 1}
    assert await errors(data_dir, hand) == []


async def test_what_was_forgotten_or_went_missing_tells_of_nobody_and_stays(data_dir: Path) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand) as started:
        await flush(started, hand, "aa", "bb")
        await flush(started, hand, "bb", installation=B)
        await next_day(started, hand)
        await flush(started, hand, "cc", installation=B)
        await next_day(started, hand)
        await flush(started, hand, "dd", installation=B)
        await started.upkeep.eraser.erase(ErasureRequest(A, ErasureKind.FORGET))
        await started.upkeep.sealer.check()
    segment(data_dir, DAYS[1]).unlink()
    async with service(data_dir, hand) as started:
        await next_day(started, hand)
        await started.upkeep.orders.retire(RetireRequest(DAYS[3]))

    assert counts(data_dir) == {"aa": 1, "bb": 2, "cc": 1, "other": 1}
    assert await errors(data_dir, hand) == []
