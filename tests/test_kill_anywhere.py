"""A kill after any system call: every prefix of what was recorded is opened, and has lost nothing."""

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry.settings import Settings
from telemetry.storage.data_directory import DataDirectory
from telemetry.storage.examination import examine
from tests.support import oracle, tally
from tests.support.events import Fields, Traffic, encode
from tests.support.power_cut import Call, Disk, record
from tests.support.segments import DAY_S
from tests.support.service import HandClock, service

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="needs the Debian package strace")

LAST_MOMENT = "2026-11-24T12:00:00"
WORKLOADS = ("workload", "sealing_workload", "erasing_workload")


def images(calls: list[Call], data_dir: Path, target: Path, wanted: set[int]) -> Iterator[list[Fields]]:
    """Yield the directory after each wanted number of calls, with what had been told by then."""
    disk, told = Disk(), []
    for number, call in enumerate(calls):
        if call.name == "told":
            told += json.loads(call.data)
        disk.apply(call)
        if number not in wanted:
            continue
        for folder in (target, target / "events"):
            folder.mkdir(mode=0o700)
        for path, content in disk.as_killed().items():
            file = target / Path(path).relative_to(data_dir)
            file.write_bytes(content)
            file.chmod(disk.modes.get(path, 0o600))
        yield list(told)
        shutil.rmtree(target)


async def assert_in_order(image: Path, told: list[Fields]) -> None:
    """Start on an image, send one more batch, and look for everything that was acknowledged and not taken back."""
    hand = HandClock(LAST_MOMENT)
    hand.pass_time(DAY_S)
    fresh = Traffic(seed=999, moment=hand.now).batch(2)
    async with service(image, hand) as started:
        await started.upkeep.eraser.resume()
        await started.service.accept(encode(fresh))
    gone = {event["gone"] for event in told if "gone" in event}
    obliged = {
        identity(event)
        for event in [*told, *fresh]
        if "gone" not in event and event["installationId"] not in gone and event["timestamp"][:10] not in gone
    }
    stored = {(raw.type, raw.timestamp, raw.installation_id, raw.drift_version) for raw in oracle.raw_events(image)}
    tally.current().add(tries=1, acknowledged=len(obliged), lost=len(obliged - stored))
    assert obliged <= stored
    if not gone:
        oracle.check(image)
    settings = Settings(data_dir=str(image))
    found = await examine(DataDirectory(image), settings, hand.clock, full=True)
    assert not found.failed, found.findings


def identity(event: Fields) -> tuple[str, ...]:
    return (event["type"], event["timestamp"], event["installationId"], event["driftVersion"])


@pytest.mark.case(1, 3, 4)
@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("prefixes", [12, pytest.param(1_000, marks=pytest.mark.torture)])
async def test_a_kill_after_any_call_leaves_a_directory_that_a_start_sets_right(
    tmp_path: Path, workload: str, prefixes: int, seed: int
) -> None:
    data_dir = tmp_path / "data"
    calls = record(f"tests.support.{workload}", data_dir, tmp_path / "trace")
    wanted = set(random.Random(seed).sample(range(len(calls)), min(prefixes, len(calls))))
    image = tmp_path / "image"
    for told in images(calls, data_dir, image, wanted):
        await assert_in_order(image, told)
