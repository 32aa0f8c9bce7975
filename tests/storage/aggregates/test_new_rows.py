"""The bound on new signatures a day: totals are exact, and every recount folds what was folded."""

import copy
import random
from collections import Counter
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.counting.aggregates import SIGNATURE_COUNTS
from telemetry.running import Running
from telemetry.storage.aggregates.new_rows import counted_rows
from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from tests.storage.erasure.test_recounts_after_erasing import A, B, errors
from tests.support.commands import succeed
from tests.support.events import encode, installation_id, make_event, timestamp
from tests.support.oracle import read
from tests.support.placed import placed_events, rows_of
from tests.support.segments import DAY_S
from tests.support.service import HandClock, service

COUNTS = "SELECT signature_hash, occurrence_count FROM signature_counts"


async def flush(started: Running, hand: HandClock, *hashes: str, installation: str = A) -> None:
    hand.pass_time(1)
    common = {"installationId": installation, "timestamp": timestamp(hand.now)}
    await started.service.accept(
        encode([make_event("pattern_signature", signatureHash=one, **common) for one in hashes])
    )
    await started.publisher.flush()


def counts(data_dir: Path) -> dict[str, int]:
    return dict(read(data_dir / "telemetry.db", COUNTS))


async def test_new_signatures_beyond_the_bound_are_counted_together_until_the_day_is_over(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hand = HandClock("2026-11-20T12:00:00")
    async with service(data_dir, hand, daily_signatures_max=2) as started:
        await flush(started, hand, "aa", "bb", "bb")
        await flush(started, hand, "bb", "cc", "dd")
        assert counts(data_dir) == {"aa": 1, "bb": 3, "other": 2}
        assert await errors(data_dir, hand) == []
        hand.pass_time(DAY_S)
        await flush(started, hand, "cc", "cc", "aa")
        assert counts(data_dir) == {"aa": 2, "bb": 3, "cc": 2, "other": 2}
        assert await errors(data_dir, hand) == []

    assert len([text for text in caplog.messages if "daily_signatures_max" in text]) == 1
    assert "signature_counts: 0 rows corrected" in succeed("repair", "--data-dir", data_dir)


class Admitting:
    """Admits what was drawn."""

    def __init__(self, admitted: set[Any]) -> None:
        self.admits = admitted

    async def admitted(self, *_: object) -> set[Any]:
        return self.admits


@given(data=st.data())
async def test_what_is_not_admitted_is_one_row_of_its_day_and_the_counters_stay(data: st.DataObject) -> None:
    counted = rows_of(SIGNATURE_COUNTS, data.draw(placed_events(SIGNATURE_COUNTS)))
    before = copy.deepcopy(counted)
    keys = [key[1:] for key in counted]
    admitted = data.draw(st.sets(st.sampled_from(keys))) if keys else set()

    async with aiosqlite.connect(":memory:") as connection:
        rows = await counted_rows(connection, SIGNATURE_COUNTS, counted, Admitting(admitted))

    assert counted == before
    assert {key: row for key, row in rows.items() if key[1:] in admitted} == {
        key: row for key, row in counted.items() if key[1:] in admitted
    }
    folded = {key: row.occurrence_count for key, row in rows.items() if key[1:] not in admitted}
    others: Counter[Any] = Counter()
    for key, row in counted.items():
        if key[1:] not in admitted:
            others[*key[:2], "other", "other", "other", "other"] += row.occurrence_count
    assert folded == others


async def test_a_start_counts_what_was_not_flushed_within_the_bound(data_dir: Path) -> None:
    hand = HandClock("2026-11-20T12:00:00")
    async with service(data_dir, hand, daily_signatures_max=2) as started:
        await flush(started, hand, "aa", "bb", "cc")
    async with service(data_dir, hand, daily_signatures_max=2) as started:
        await flush(started, hand, "cc", "dd", "aa")

    assert counts(data_dir) == {"aa": 2, "bb": 1, "other": 3}
    assert await errors(data_dir, hand) == []


@pytest.mark.parametrize("kind", [ErasureKind.FORGET, ErasureKind.EXCLUDE])
async def test_what_was_folded_is_taken_from_the_row_that_counts_it(data_dir: Path, kind: ErasureKind) -> None:
    hand = HandClock("2026-11-20T12:00:00")
    async with service(data_dir, hand, daily_signatures_max=1) as started:
        await flush(started, hand, "aa", "bb", "cc")
        await flush(started, hand, "bb", "cc", "aa", installation=B)
        hand.pass_time(DAY_S)
        await flush(started, hand, "cc", installation=B)
        await started.upkeep.eraser.erase(ErasureRequest(A, kind))
        left = {"aa": 1, "cc": 1, "other": 2} if kind is ErasureKind.EXCLUDE else {"aa": 2, "cc": 1, "other": 4}
        assert counts(data_dir) == left
        assert await errors(data_dir, hand) == []


async def test_an_exclusion_gives_back_the_places_of_a_day_on_which_all_had_one(data_dir: Path) -> None:
    hand = HandClock("2026-11-20T12:00:00")
    async with service(data_dir, hand, daily_signatures_max=2) as started:
        await flush(started, hand, "aa", "bb")
        await started.upkeep.eraser.erase(ErasureRequest(A, ErasureKind.EXCLUDE))
        await flush(started, hand, "cc", "dd", installation=B)

    assert counts(data_dir) == {"cc": 1, "dd": 1}


async def test_a_recount_agrees_whatever_the_order_of_days_signatures_and_erasures(data_dir: Path) -> None:
    chosen, hand = random.Random(4), HandClock("2026-11-20T12:00:00")
    async with service(data_dir, hand, daily_signatures_max=3) as started:
        for _ in range(12):
            hashes = [f"{chosen.randrange(10):02x}" for _ in range(6)]
            await flush(started, hand, *hashes, installation=installation_id(chosen.randrange(1, 4)))
            hand.jump(chosen.choice([0, 0, -1, 1, 1]) * DAY_S)
            if chosen.random() < 0.3:
                kind = chosen.choice([ErasureKind.FORGET, ErasureKind.EXCLUDE])
                await started.upkeep.eraser.erase(ErasureRequest(installation_id(chosen.randrange(1, 4)), kind))
                await started.upkeep.eraser.erase(
                    ErasureRequest(installation_id(chosen.randrange(1, 4)), ErasureKind.UNDO)
                )
        await started.publisher.flush()
        assert await errors(data_dir, hand) == []
        assert counts(data_dir)["other"] > 0
