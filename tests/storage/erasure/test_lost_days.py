"""An installation is excluded while events of others are lost: what they have added stays, also after a repair."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from tests.storage.erasure.test_erasing import START, VANDAL, files_with, labelled, numbers, wrong_numbers
from tests.support.commands import succeed
from tests.support.oracle import read
from tests.support.segments import DAY_S, segment
from tests.support.service import HandClock, service

FIRST = START[:10]
EXCLUDING = ErasureRequest(VANDAL, ErasureKind.EXCLUDE)
ROWS = "SELECT occurrence_count, substr(first_seen, 1, 10) FROM signature_counts"


async def two_days(data_dir: Path, hand: HandClock) -> None:
    """Have the vandal and others send one signature on two days."""
    async with service(data_dir, hand) as started:
        for others in ("ab", "c"):
            for one in others:
                await started.service.accept(labelled(hand, one * 32, "api"))
            await started.service.accept(labelled(hand, VANDAL, "api"))
            hand.pass_time(DAY_S)


@pytest.mark.parametrize("is_missing", [True, False])
async def test_an_exclusion_keeps_what_a_day_that_has_lost_events_has_added(data_dir: Path, is_missing: bool) -> None:
    hand = HandClock(START)
    await two_days(data_dir, hand)
    if is_missing:
        segment(data_dir, FIRST).unlink()
    else:
        with closing(sqlite3.connect(segment(data_dir, FIRST))) as connection, connection:
            connection.execute("DELETE FROM events WHERE installation_id != ?", (VANDAL,))
    async with service(data_dir, hand) as started:
        await started.upkeep.eraser.erase(EXCLUDING)

    # A vandal's event that is lost cannot be taken out.
    assert read(data_dir / "telemetry.db", ROWS) == [(3 + is_missing, FIRST)]
    before = numbers(data_dir)
    succeed("repair", "--data-dir", data_dir)
    assert numbers(data_dir) == before


async def test_what_was_excluded_is_excluded_again_once_a_lost_day_is_back(data_dir: Path, tmp_path: Path) -> None:
    hand = HandClock(START)
    await two_days(data_dir, hand)
    segment(data_dir, FIRST).rename(tmp_path / "lost")
    async with service(data_dir, hand) as started:
        await started.upkeep.eraser.erase(EXCLUDING)
    (tmp_path / "lost").rename(segment(data_dir, FIRST))
    async with service(data_dir, hand) as started:
        await started.upkeep.eraser.erase(EXCLUDING)

    assert read(data_dir / "telemetry.db", ROWS) == [(3, FIRST)]
    assert files_with(data_dir, VANDAL) == []
    assert await wrong_numbers(data_dir, hand) == []
