"""Case 5 of the fault list: the power goes at any moment, the roll at midnight and checkpoints included."""

import random
import shutil
from pathlib import Path

import pytest

from telemetry.operator_errors import DamagedError
from tests.support import tally
from tests.support.images import LIVES, Recording, assert_in_order, check_images, images
from tests.support.power_cut import Disk
from tests.support.recording import Call, record

pytestmark = [
    pytest.mark.skipif(shutil.which("strace") is None, reason="needs the Debian package strace"),
    pytest.mark.case(5),
]


def recorded(life: str, folder: Path, *arguments: str) -> Recording:
    calls = record(f"tests.support.{life}", folder / "data", folder / "trace", *arguments)
    return Recording(LIVES[life], calls, folder / "data")


def cut_the_power(recording: Recording, cuts: int, seed: int) -> None:
    moments = random.Random(seed).choices(range(1, len(recording.calls) + 1), k=cuts)
    found = check_images(recording, moments, torn_by=seed)
    assert found.tries == cuts
    assert found.acknowledged > cuts


@pytest.mark.parametrize("cuts", [24, pytest.param(7_150, marks=pytest.mark.torture)])
def test_a_power_cut_at_any_moment_loses_no_acknowledged_event(tmp_path: Path, cuts: int, seed: int) -> None:
    cut_the_power(recorded("workload", tmp_path), cuts, seed)


@pytest.mark.parametrize("cuts", [16, pytest.param(1_600, marks=pytest.mark.torture)])
def test_a_power_cut_while_a_log_is_checkpointed_and_begun_anew_loses_no_event(
    tmp_path: Path, cuts: int, seed: int
) -> None:
    recording = recorded("checkpoint_workload", tmp_path)
    written = [(Path(call.path).name, call.offset) for call in recording.calls if call.name == "write"]
    assert written.count(("2026-11-23.db-wal", 0)) > 5
    assert sum(name == "2026-11-23.db" for name, _ in written) > 20
    cut_the_power(recording, cuts, seed)


@pytest.mark.case(20)
@pytest.mark.parametrize("cuts", [16, pytest.param(400, marks=pytest.mark.torture)])
def test_a_power_cut_around_sealing_loses_no_event_and_sealing_is_done_in_the_end(
    tmp_path: Path, cuts: int, seed: int
) -> None:
    cut_the_power(recorded("sealing_workload", tmp_path), cuts, seed)


@pytest.mark.parametrize("cuts", [5, pytest.param(200, marks=pytest.mark.torture)])
def test_a_power_cut_around_an_erasure_loses_no_event_that_was_not_to_be_erased(
    tmp_path: Path, cuts: int, seed: int
) -> None:
    cut_the_power(recorded("erasing_workload", tmp_path), cuts, seed)


# What is lost in these is not lost by the service, and has no place in the table of cases.


async def lost_by(recording: Recording, *, told: int) -> int:
    """Cut the power twenty times when so much was told; return how often an acknowledged event was missing."""
    chosen, lost = random.Random(1), 0
    told_at = [number for number, call in enumerate(recording.calls, 1) if call.name == "told"]
    image = recording.data_dir.with_name("image")
    with tally.tallying(lambda _tally: None):
        for notices in images(recording, image, [told_at[told]] * 20, lambda disk: disk.image(chosen)):
            try:
                await assert_in_order(recording.life, image, notices)
            except AssertionError as error:
                lost += "acknowledged, but not stored" in str(error)
            except DamagedError:
                # The aggregates alone were lost, which a start notices.
                continue
    return lost


async def test_the_images_do_lose_events_when_a_commit_is_not_synced(tmp_path: Path) -> None:
    assert await lost_by(recorded("workload", tmp_path, "NORMAL"), told=6) > 0


async def test_the_images_do_lose_events_when_the_folder_of_the_segments_is_not_synced(tmp_path: Path) -> None:
    recording = recorded("workload", tmp_path)
    folder = recording.data_dir / "events"
    unsynced = [call for call in recording.calls if call != Call("sync", str(folder))]
    assert len(unsynced) < len(recording.calls)
    assert await lost_by(recording._replace(calls=unsynced), told=6) > 0


def test_a_disk_keeps_a_name_only_when_its_folder_was_synced_and_the_old_one_until_then() -> None:
    disk, chosen = Disk(), random.Random(1)
    for call in (
        Call("mkdir", "/data"),
        Call("create", "/data/new"),
        Call("write", "/data/new", b"content"),
        Call("sync", "/data/new"),
        Call("sync", "/data"),
        Call("sync", "/"),
        Call("rename", "/data/new", target="/data/renamed"),
    ):
        disk.apply(call)
    found = {frozenset(disk.image(chosen)) for _ in range(50)}
    assert found == {frozenset({"/data", "/data/new"}), frozenset({"/data", "/data/renamed"})}
    assert {path: content for path, (_, content) in disk.as_killed().items()}["/data/renamed"] == b"content"
    disk.apply(Call("sync", "/data"))
    assert {frozenset(disk.image(chosen)) for _ in range(50)} == {frozenset({"/data", "/data/renamed"})}
