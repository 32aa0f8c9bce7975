"""The commands on a data directory that an older program has left."""

import sqlite3
from contextlib import closing
from pathlib import Path

from telemetry.storage.queries import folder
from tests.support import oracle
from tests.support.commands import succeed
from tests.support.events import Traffic, encode
from tests.support.service import HandClock, service


async def test_a_directory_of_an_older_schema_is_read_backed_up_and_brought_forward(
    data_dir: Path, tmp_path: Path
) -> None:
    hand = HandClock("2026-11-20T12:00:00")
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(Traffic(moment=hand.now).batch(20)))
    with closing(sqlite3.connect(data_dir / "telemetry.db")) as newest:
        rows = list(newest.iterdump())
    (data_dir / "telemetry.db").unlink()
    first = (folder() / "migrations" / "aggregates" / "0001_aggregates.sql").read_text()
    with closing(sqlite3.connect(data_dir / "telemetry.db")) as older:
        older.executescript(first)
        older.execute("DELETE FROM state")
        for statement in rows:
            if statement.startswith("INSERT"):
                older.execute(statement)
        older.execute("PRAGMA user_version = 1")
        older.commit()
    (data_dir / "telemetry.db").chmod(0o600)

    printed = succeed("check", "--data-dir", data_dir)
    assert "run `telemetry migrate`" in printed
    assert "1 days recounted" in printed
    succeed("backup", tmp_path / "backups", "--data-dir", data_dir)
    for command in (("repair",), ("restore", tmp_path / "backups", "--force")):
        succeed(*command, "--data-dir", data_dir)
        oracle.check(data_dir)
    succeed("migrate", "--data-dir", data_dir)
    oracle.check(data_dir)
