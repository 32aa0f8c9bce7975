"""Case 44: a segment that is gone though nobody retired it is an error until it is back or its time is over."""

import json
from pathlib import Path

import pytest

from telemetry.storage.aggregates.loss import missing_segments
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.tasks.retention import RETENTION_INTERVAL_S
from tests.support import oracle
from tests.support.cli import DAYS, fill
from tests.support.commands import run, succeed
from tests.support.events import Traffic, encode
from tests.support.examining import examined
from tests.support.segments import DAY_S, segment
from tests.support.service import HandClock, service

pytestmark = pytest.mark.case(44)

LATER = f"{DAYS[1]}T20:00:00"


async def errors(data_dir: Path, hand: HandClock) -> dict[str, str]:
    found = await examined(data_dir, hand.clock)
    return {finding.subject: finding.sentence for finding in found.findings if finding.severity == "error"}


async def filled_and_sealed(data_dir: Path) -> HandClock:
    """Fill two days, of 30 events each, and have the first one sealed."""
    await fill(data_dir)
    hand = HandClock(LATER)
    async with service(data_dir, hand) as started:
        await started.upkeep.sealer.check()
    return hand


def count(folder: Path) -> int:
    return len(list(folder.iterdir()))


async def test_a_missing_segment_is_reported_at_each_start_and_by_check_until_it_is_back(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hand = await filled_and_sealed(data_dir)
    path, aside = segment(data_dir, DAYS[0]), data_dir.with_name("aside.db")
    path.rename(aside)
    for _ in range(2):
        caplog.clear()
        async with service(data_dir, hand) as started:
            assert started.sources.replay.events_missing == 30
            await started.upkeep.sealer.check()
        assert "a segment is missing: copy it back from a backup that has it" in caplog.messages
        found = await errors(data_dir, hand)
        assert list(found) == [f"{DAYS[0]}.db"]
        assert "missing with 30 events" in found[f"{DAYS[0]}.db"]

    aside.rename(path)
    async with service(data_dir, hand) as started:
        assert started.sources.replay.events_missing == 0
    assert not await errors(data_dir, hand)
    assert len(oracle.check(data_dir)) == 60


async def test_todays_segment_that_went_missing_is_counted_once_and_gives_out_no_id_again(data_dir: Path) -> None:
    hand = await filled_and_sealed(data_dir)
    segment(data_dir, DAYS[1]).unlink()
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(Traffic(seed=9, moment=hand.now).batch(4)))
        assert started.sources.replay.events_missing == 30
    assert oracle.read(segment(data_dir, DAYS[1]), "SELECT min(id), max(id) FROM events") == [(31, 34)]
    async with service(data_dir, hand) as started:
        assert started.sources.replay.events_missing == 0
    assert "has lost 30 events" in (await errors(data_dir, hand))[f"{DAYS[1]}.db"]


async def test_a_missing_segment_is_retired_when_its_time_is_over(data_dir: Path) -> None:
    hand = await filled_and_sealed(data_dir)
    segment(data_dir, DAYS[0]).unlink()
    async with service(data_dir, hand, retention_days=3) as started:
        hand.pass_time(2 * DAY_S)
        await started.upkeep.retention.check()
        assert missing_segments(DataDirectory(data_dir))
        hand.pass_time(2 * DAY_S + RETENTION_INTERVAL_S)
        await started.upkeep.retention.check()
    assert not missing_segments(DataDirectory(data_dir))
    assert not segment(data_dir, DAYS[0]).exists()


async def test_a_backup_without_it_says_so_removes_no_older_one_and_restore_says_so_too(
    data_dir: Path, backups: Path, tmp_path: Path
) -> None:
    await filled_and_sealed(data_dir)
    succeed("backup", backups, "--data-dir", data_dir, "--keep", "1")
    segment(data_dir, DAYS[0]).unlink()
    made = run("backup", backups, "--data-dir", data_dir, "--keep", "1", "--json")
    document = json.loads(made.stdout)
    assert made.returncode == 1
    assert (document["missing"], document["removed"]) == ([DAYS[0]], [])
    assert count(backups) == 2
    told = run("backup", backups, "--data-dir", data_dir, "--keep", "1").stdout
    assert f"error: {DAYS[0]}.db: is missing with 30 events" in told

    restored = succeed("restore", document["backup"], "--to", tmp_path / "restored")
    assert f"error: {DAYS[0]}.db: is missing with 30 events" in restored


async def test_segments_lists_a_day_whose_segment_is_missing(data_dir: Path) -> None:
    await filled_and_sealed(data_dir)
    segment(data_dir, DAYS[0]).unlink()

    listed = json.loads(succeed("segments", "--json", "--data-dir", data_dir))
    assert [(day["day"], day["missing"], day["watermark"]) for day in listed] == [
        (DAYS[0], True, 30),
        (DAYS[1], False, 30),
    ]
    assert succeed("segments", "--data-dir", data_dir).splitlines()[1].split() == [DAYS[0], "?", "0", "30", "missing"]
