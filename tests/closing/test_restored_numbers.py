"""What has been published stays what it is when a backup is restored, and is not published a second time otherwise."""

import asyncio
from pathlib import Path

import pytest

from telemetry.published.overview import lost_windows
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.maintenance.backups import read_manifest
from telemetry.storage.maintenance.restore import choose, restore
from tests.support import oracle
from tests.support.commands import succeed
from tests.support.public_oracle import check_published
from tests.support.publishing import Crowd, pass_crowded_day, production, published_bytes
from tests.support.service import HandClock, service

FIRST = "2026-11-02T12:00:00"
STATES = "SELECT window_start, state FROM published_windows WHERE period = 'day' ORDER BY 1"


async def _publish(data_dir: Path, hand: HandClock, days: int, seed: int = 1) -> None:
    async with service(data_dir, hand, **production()) as started:
        for _ in range(days):
            await pass_crowded_day(started, hand, Crowd(seed), range(12))
        await started.upkeep.closer.check()


async def test_published_numbers_outlive_the_restore_of_an_older_backup(data_dir: Path, backups: Path) -> None:
    hand = HandClock(FIRST)
    await _publish(data_dir, hand, 2)
    succeed("backup", backups, "--data-dir", data_dir)
    await _publish(data_dir, hand, 2)
    once = published_bytes(data_dir)
    succeed("restore", backups, "--to", data_dir, "--force")
    # Days that the backup lacks come again, otherwise.
    hand.pass_time(-2 * 86_400)
    await _publish(data_dir, hand, 2, seed=2)

    assert published_bytes(data_dir) == once
    assert oracle.read(data_dir / "telemetry.db", STATES) == [
        ("2026-11-02", "published"), ("2026-11-03", "published"), ("2026-11-04", "adopted"), ("2026-11-05", "adopted"),
    ]  # fmt: skip


async def test_where_published_numbers_are_lost_windows_that_ended_since_are_gaps(
    data_dir: Path, backups: Path, tmp_path: Path
) -> None:
    hand, elsewhere = HandClock(FIRST), tmp_path / "elsewhere"
    await _publish(data_dir, hand, 2)
    once = published_bytes(data_dir)
    succeed("backup", backups, "--data-dir", data_dir)
    succeed("restore", backups, "--to", elsewhere)
    assert published_bytes(elsewhere) == once
    # As far as anybody knows, these days may have been published from what is lost.
    await _publish(elsewhere, hand, 2, seed=2)

    assert published_bytes(elsewhere) == once
    assert [state for _, state in oracle.read(elsewhere / "telemetry.db", STATES)] == ["published"] * 2 + ["gap"] * 2
    later = HandClock("2027-01-11T12:00:00")
    await _publish(elsewhere, later, 2)
    found = oracle.read(
        elsewhere / "published.db",
        "SELECT count(DISTINCT window_start) FROM activity_daily WHERE window_start > '2027'",
    )
    assert found == [(2,)]
    assert check_published(elsewhere, oracle.raw_events(elsewhere))


async def test_windows_that_may_have_been_published_stay_gaps_after_a_second_restore(
    data_dir: Path, backups: Path, tmp_path: Path
) -> None:
    hand, elsewhere = HandClock(FIRST), tmp_path / "elsewhere"
    await _publish(data_dir, hand, 2)
    succeed("backup", backups, "--data-dir", data_dir)
    for options in ([], ["--force"]):
        succeed("restore", backups, "--to", elsewhere, *options)
    await _publish(elsewhere, hand, 2, seed=2)

    assert published_bytes(elsewhere) == published_bytes(data_dir)
    assert [state for _, state in oracle.read(elsewhere / "telemetry.db", STATES)] == ["published"] * 2 + ["gap"] * 2


async def test_what_was_public_is_not_published_again_although_the_clock_was_set_back(
    data_dir: Path, backups: Path
) -> None:
    hand, directory = HandClock(FIRST), DataDirectory(data_dir)
    await _publish(data_dir, hand, 1)
    succeed("backup", backups, "--data-dir", data_dir)
    await _publish(data_dir, hand, 2)
    directory.published.unlink()
    hand.pass_time(-3 * 86_400)
    backup = choose(backups)
    with directory.locked():
        await asyncio.to_thread(restore, directory, backup, read_manifest(backup), hand.clock)
    await _publish(data_dir, hand, 4, seed=2)

    assert oracle.read(data_dir / "telemetry.db", STATES) == [
        ("2026-11-02", "published"), ("2026-11-03", "gap"), ("2026-11-04", "gap"), ("2026-11-05", "published"),
    ]  # fmt: skip


async def test_the_loss_of_published_numbers_alone_is_reported(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hand = HandClock(FIRST)
    await _publish(data_dir, hand, 2)
    assert "published.db" not in caplog.text
    kept = published_bytes(data_dir)
    (data_dir / "published.db").unlink()
    # What is published next is in a file that looks whole.
    await _publish(data_dir, hand, 1)

    lost = [record for record in caplog.records if record.getMessage().startswith("published.db lacks windows")]
    assert [(vars(one)["windows"], vars(one)["last_day"]) for one in lost] == [(2, "2026-11-03")]
    assert "published.db lacks 2 windows up to 2026-11-03 that had been published" in succeed(
        "check", "--data-dir", data_dir
    )
    (data_dir / "published.db").unlink()
    (data_dir / "published.db").write_bytes(kept)
    assert [window.start for window in lost_windows(DataDirectory(data_dir))] == ["2026-11-04"]
