"""Case 5 of the fault list: the power goes at any moment, the roll at midnight and checkpoints included."""

import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from telemetry.errors import DataDamagedError
from tests.support import oracle, tally
from tests.support.events import Fields
from tests.support.images import Check, Recording, assert_in_order, assert_stored, check_images, identity, images
from tests.support.power_cut import record
from tests.support.sealing_workload import START
from tests.support.segments import DAY_S, is_sealed
from tests.support.service import HandClock, service
from tests.support.workload import MOMENT

pytestmark = [
    pytest.mark.skipif(shutil.which("strace") is None, reason="needs the Debian package strace"),
    pytest.mark.case(5),
]


async def assert_nothing_lost(image: Path, told: list[Fields]) -> None:
    hand = HandClock(MOMENT)
    hand.pass_time(60)
    async with service(image, hand):
        pass
    assert_stored(image, set(map(identity, told)))
    oracle.check(image)


async def assert_nothing_lost_and_all_sealed(image: Path, told: list[Fields]) -> None:
    hand = HandClock(START)
    hand.pass_time(5 * DAY_S)
    async with service(image, hand) as started:
        await started.upkeep.sealer.check()
        assert started.upkeep.sealer.failed == 0
    assert all(map(is_sealed, (image / "events").glob("*.db*")))
    assert_stored(image, set(map(identity, told)))
    oracle.check(image)


def cut_the_power(workload: str, folder: Path, cuts: int, check: Check, seed: int) -> None:
    calls = record(f"tests.support.{workload}", folder / "data", folder / "trace")
    moments = random.Random(seed).choices(range(1, len(calls) + 1), k=cuts)
    found = check_images(Recording(calls, folder / "data"), moments, check, torn_by=seed)
    assert found.tries == cuts
    assert found.acknowledged > cuts


@pytest.mark.parametrize("cuts", [80, pytest.param(3_500, marks=pytest.mark.torture)])
def test_a_power_cut_at_any_moment_loses_no_acknowledged_event(tmp_path: Path, cuts: int, seed: int) -> None:
    cut_the_power("workload", tmp_path, cuts, assert_nothing_lost, seed)


@pytest.mark.case(20)
@pytest.mark.parametrize("cuts", [40, pytest.param(1_000, marks=pytest.mark.torture)])
def test_a_power_cut_around_sealing_loses_no_event_and_sealing_is_done_in_the_end(
    tmp_path: Path, cuts: int, seed: int
) -> None:
    cut_the_power("sealing_workload", tmp_path, cuts, assert_nothing_lost_and_all_sealed, seed)


@pytest.mark.parametrize("cuts", [20, pytest.param(500, marks=pytest.mark.torture)])
def test_a_power_cut_around_an_erasure_loses_no_event_that_was_not_to_be_erased(
    tmp_path: Path, cuts: int, seed: int
) -> None:
    cut_the_power("erasing_workload", tmp_path, cuts, assert_in_order, seed)


async def test_the_images_do_lose_events_when_syncs_are_ignored(tmp_path: Path) -> None:
    data_dir, image, chosen = tmp_path / "data", tmp_path / "image", random.Random(1)
    calls = record("tests.support.workload", data_dir, tmp_path / "trace")
    first_wal_sync = next(n for n, call in enumerate(calls) if call.name == "sync" and call.path.endswith("-23.db-wal"))
    unsynced = [call for n, call in enumerate(calls) if n <= first_wal_sync or call.name != "sync"]
    told_at = [number for number, call in enumerate(unsynced, 1) if call.name == "told"]

    lost = 0
    # What is lost here is not lost by the service, and has no place in the table of cases.
    with tally.tallying(lambda _tally: None):
        for told in images(Recording(unsynced, data_dir), image, [told_at[6]] * 20, lambda disk: disk.image(chosen)):
            try:
                await assert_nothing_lost(image, told)
            except (AssertionError, DataDamagedError, sqlite3.DatabaseError):
                lost += 1
    assert lost > 0
