"""The commands on a data directory that an older program has left."""

import asyncio
import errno
import sqlite3
from contextlib import closing
from pathlib import Path
from unittest import mock

import pytest

from telemetry.storage.aggregates import upgrading
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.sqlite.migrations import newest_version
from telemetry.storage.sqlite.queries import folder
from tests.support import oracle
from tests.support.commands import run, succeed
from tests.support.events import Traffic, encode
from tests.support.older import make_older
from tests.support.service import HandClock, service


async def left_by_the_first(data_dir: Path, tmp_path: Path) -> None:
    """Make a data directory as the first program has left it, with twenty events of one day."""
    hand = HandClock("2026-11-20T12:00:00")
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(Traffic(moment=hand.now).batch(20)))
    make_older(data_dir, 1, tmp_path / "newest.db")


async def test_a_directory_of_an_older_schema_is_read_backed_up_and_brought_forward(
    data_dir: Path, tmp_path: Path
) -> None:
    await left_by_the_first(data_dir, tmp_path)
    listed = run("segments", "--data-dir", data_dir)
    assert (listed.returncode, "run `telemetry migrate`" in listed.stderr) == (65, True)
    printed = succeed("check", "--data-dir", data_dir)
    assert "run `telemetry migrate`" in printed
    assert "1 day recounted" in printed
    succeed("backup", tmp_path / "backups", "--data-dir", data_dir)
    for command in (("repair",), ("restore", tmp_path / "backups", "--force")):
        succeed(*command, "--data-dir", data_dir)
        # What is restored is as old as its backup.
        succeed("migrate", "--data-dir", data_dir)
        oracle.check(data_dir)


async def test_an_upgrade_keeps_a_copy_that_the_program_before_can_use(data_dir: Path, tmp_path: Path) -> None:
    await left_by_the_first(data_dir, tmp_path)
    rows = "SELECT * FROM daily_stats ORDER BY date, metric"
    before, copy = oracle.read(data_dir / "telemetry.db", rows), data_dir / "telemetry.db-schema-1"
    for _ in range(2):
        succeed("migrate", "--data-dir", data_dir)
    assert oracle.read(copy, "PRAGMA user_version") == [(1,)]
    assert oracle.read(copy, rows) == before
    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(data_dir / "telemetry.db")) as newer:
        newer.execute("PRAGMA user_version = 999")
    copy.rename(data_dir / f"telemetry.db-schema-{newest_version('aggregates')}")
    refused = run("migrate", "--data-dir", data_dir)
    assert refused.returncode == 65
    assert "which the upgrade kept: see docs/recipes.md" in refused.stderr


def test_an_upgrade_without_room_for_a_copy_goes_on(data_dir: Path, tmp_path: Path) -> None:
    asyncio.run(left_by_the_first(data_dir, tmp_path))
    with mock.patch.object(upgrading, "copy_database", side_effect=OSError(errno.ENOSPC, "No space left on device")):
        upgrading.keep_before_upgrade(DataDirectory(data_dir))
    assert not list(data_dir.glob("*schema*"))
    succeed("migrate", "--data-dir", data_dir)
    assert len(oracle.check(data_dir)) == 20


@pytest.mark.parametrize("kind", ["aggregates", "segment"])
def test_migrations_are_numbered_without_a_gap_or_a_repetition(kind: str) -> None:
    files = sorted((folder() / "migrations" / kind).glob("*.sql"))

    assert [file.name[:5] for file in files] == [f"{number:04}_" for number in range(1, len(files) + 1)]
