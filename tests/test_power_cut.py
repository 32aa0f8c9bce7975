"""Case 5 of the fault list: the power goes at any moment, the roll at midnight and checkpoints included."""

import json
import random
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from telemetry.errors import DataDamagedError
from tests.support import oracle, tally
from tests.support.power_cut import Call, Disk, record
from tests.support.service import HandClock, service
from tests.support.workload import MOMENT

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="needs the Debian package strace")

IMAGES = 80
IMAGES_OF_TORTURE = 4_000


async def check_images(tmp_path: Path, *, images: int, seed: int) -> int:
    """Cut the power at random moments of a recording; return how many acknowledged events were there to be lost."""
    data_dir = tmp_path / "data"
    calls = record("tests.support.workload", data_dir, tmp_path / "trace")
    chosen = random.Random(seed)
    acknowledged = 0
    for number, cut in enumerate(sorted(chosen.choices(range(1, len(calls) + 1), k=images))):
        image = tmp_path / f"image-{number}"
        told = cut_at(calls[:cut], data_dir, image, random.Random(seed + number))
        await assert_nothing_lost(image, told)
        acknowledged += len(told)
        shutil.rmtree(image)
    return acknowledged


def cut_at(calls: list[Call], data_dir: Path, image: Path, chosen: random.Random) -> list[dict[str, Any]]:
    """Write what the disk may hold after some calls; return the events that were acknowledged by then."""
    disk, told = Disk(), []
    for call in calls:
        if call.name == "told":
            told += json.loads(call.data)
        disk.apply(call)
    (image / "events").mkdir(parents=True)
    for path, content in disk.image(chosen).items():
        file = image / Path(path).relative_to(data_dir)
        file.write_bytes(content)
        file.chmod(disk.modes.get(path, 0o600))
    return told


async def assert_nothing_lost(image: Path, told: list[dict[str, Any]]) -> None:
    hand = HandClock(MOMENT)
    hand.pass_time(60)
    async with service(image, hand):
        pass
    stored = {(raw.type, raw.timestamp, raw.installation_id, raw.drift_version) for raw in oracle.check(image)}
    identities = {(event["type"], event["timestamp"], event["installationId"], event["driftVersion"]) for event in told}
    tally.current().add(tries=1, acknowledged=len(identities), lost=len(identities - stored))
    assert identities <= stored


@pytest.mark.case(5)
async def test_a_power_cut_at_any_moment_loses_no_acknowledged_event(tmp_path: Path) -> None:
    assert await check_images(tmp_path, images=IMAGES, seed=1) > IMAGES


@pytest.mark.case(5)
@pytest.mark.torture
async def test_power_cuts_by_the_thousand_lose_no_acknowledged_event(tmp_path: Path, seed: int) -> None:
    assert await check_images(tmp_path, images=IMAGES_OF_TORTURE, seed=seed + 1) > IMAGES_OF_TORTURE


async def test_the_images_do_lose_events_when_syncs_are_ignored(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    calls = record("tests.support.workload", data_dir, tmp_path / "trace")
    told_at = [number for number, call in enumerate(calls, 1) if call.name == "told"]
    first_wal_sync = next(n for n, call in enumerate(calls) if call.name == "sync" and call.path.endswith("-23.db-wal"))
    unsynced = [call for n, call in enumerate(calls) if n <= first_wal_sync or call.name != "sync"]

    lost = 0
    for number in range(20):
        image = tmp_path / f"image-{number}"
        told = cut_at(unsynced[: told_at[6]], data_dir, image, random.Random(number))
        try:
            await assert_nothing_lost(image, told)
        except (AssertionError, DataDamagedError, sqlite3.DatabaseError):
            lost += 1
    assert lost > 0
