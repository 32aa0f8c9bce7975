"""The commands on a data directory that an older program has left."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.storage.sqlite.queries import folder
from tests.storage.maintenance.test_sorting import OLDER_ROWS
from tests.support import oracle
from tests.support.commands import run, succeed
from tests.support.events import Traffic, encode
from tests.support.service import HandClock, service


async def test_a_directory_of_an_older_schema_is_read_backed_up_and_brought_forward(
    data_dir: Path, tmp_path: Path
) -> None:
    hand = HandClock("2026-11-20T12:00:00")
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(Traffic(moment=hand.now).batch(20)))
    newest = (data_dir / "telemetry.db").rename(tmp_path / "newest.db")
    first = (folder() / "migrations" / "aggregates" / "0001_aggregates.sql").read_text()
    with closing(sqlite3.connect(data_dir / "telemetry.db", isolation_level=None)) as older:
        older.executescript(f"{first}; DELETE FROM state; PRAGMA user_version = 1")
        older.execute("ATTACH ? AS newest", (str(newest),))
        for (table,) in older.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table'").fetchall():
            if table == "pattern_signatures":
                older.execute(OLDER_ROWS)
                continue
            columns = ", ".join(row[1] for row in older.execute(f"PRAGMA main.table_info({table})"))
            older.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM newest.{table}")
    (data_dir / "telemetry.db").chmod(0o600)

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


@pytest.mark.parametrize("kind", ["aggregates", "segment"])
def test_migrations_are_numbered_without_a_gap_or_a_repetition(kind: str) -> None:
    files = sorted((folder() / "migrations" / kind).glob("*.sql"))

    assert [file.name[:5] for file in files] == [f"{number:04}_" for number in range(1, len(files) + 1)]
