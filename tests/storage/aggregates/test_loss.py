"""Case 42: aggregates that are missing or empty beside segments are never taken for a first start."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.operator_errors import DamagedError
from telemetry.storage.aggregates.loss import check_aggregates
from telemetry.storage.directory.data_directory import DataDirectory
from tests.support import oracle
from tests.support.commands import run, succeed
from tests.support.events import Traffic, encode
from tests.support.server import serving
from tests.support.service import HandClock, service

pytestmark = pytest.mark.case(42)


def remove(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def drop_tables(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute("DROP TABLE t")


LOSSES = {"missing": remove, "empty": empty, "without tables": drop_tables}
losses = pytest.mark.parametrize("lose", LOSSES.values(), ids=LOSSES.keys())


COMMANDS = [
    ("migrate",), ("repair",), ("forget", "5387623e-62a8-468c-9fbe-92f1c6a8b775"),
    ("stats",), ("segments",), ("query", "SELECT 1"), ("export", "daily"),
]  # fmt: skip


def aggregates(data_dir: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in data_dir.glob("telemetry.db*")}


def refuse(*command: str | Path, data_dir: Path) -> None:
    refused = run(*command, "--data-dir", data_dir)
    assert refused.returncode == 65, command
    assert "beside events of 1 day:" in refused.stderr, command
    assert "`telemetry migrate --accept-loss`" in refused.stderr, command


@losses
def test_serve_refuses_check_reports_and_neither_changes_anything(imported: Path, lose: Callable[[Path], None]) -> None:
    lose(imported / "telemetry.db")
    if lose is not drop_tables:
        (imported / "telemetry.db-wal").write_bytes(b"what is left of it")
    before = aggregates(imported)
    refuse("serve", "--port", "0", data_dir=imported)

    found = run("check", "--data-dir", imported)
    assert found.returncode == 1
    assert "error: telemetry.db: " in found.stdout
    assert "--accept-loss" in found.stdout
    assert aggregates(imported) == before


def test_every_other_command_refuses_too_and_a_backup_removes_no_older_ones(imported: Path, backups: Path) -> None:
    succeed("backup", backups, "--data-dir", imported)
    made = list(backups.iterdir())
    (imported / "telemetry.db").unlink()
    for command in [*COMMANDS, ("backup", backups, "--keep", "1")]:
        refuse(*command, data_dir=imported)
    assert list(backups.iterdir()) == made
    assert "telemetry.db" not in aggregates(imported)


async def test_the_aggregates_of_a_backup_are_brought_up_to_date_by_the_next_start(
    data_dir: Path, backups: Path
) -> None:
    hand = HandClock()
    traffic = Traffic(moment=hand.now)
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(traffic.batch(30)))
    made = succeed("backup", backups, "--data-dir", data_dir).split(":")[0]
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(traffic.batch(30)))
    (data_dir / "telemetry.db").unlink()
    with pytest.raises(DamagedError, match="of the newest backup there"):
        async with service(data_dir, hand):
            pass

    shutil.copy(Path(made) / "telemetry.db", data_dir)
    async with service(data_dir, hand):
        pass
    assert len(oracle.check(data_dir)) == 60


@losses
def test_a_loss_that_was_accepted_lets_the_next_start_count_the_raw_events(
    imported: Path, lose: Callable[[Path], None]
) -> None:
    lose(imported / "telemetry.db")
    assert "telemetry.db" in succeed("migrate", "--accept-loss", "--data-dir", imported)
    with serving(imported) as server:
        server.post(encode(Traffic().batch(5)))
        assert server.stop() == 0
    oracle.check(imported)


def test_a_first_start_that_was_killed_has_lost_nothing(data_dir: Path) -> None:
    directory = DataDirectory(data_dir)
    directory.create()
    check_aggregates(directory)
    (data_dir / "telemetry.db").touch()
    check_aggregates(directory)
    directory.segment("2026-11-23").touch()
    check_aggregates(directory)
    with closing(sqlite3.connect(directory.segment("2026-11-22"))) as segment:
        segment.execute("PRAGMA journal_mode = WAL")
    check_aggregates(directory)
    directory.segment("2026-11-21").write_bytes(b"nobody knows what")
    with pytest.raises(DamagedError, match="beside events of 1 day"):
        check_aggregates(directory)


def test_a_database_of_another_kind_is_refused_with_advice_that_works(imported: Path, tmp_path: Path) -> None:
    segment, aggregates_copy = next(iter(imported.glob("events/*.db"))), tmp_path / "aggregates"
    shutil.copy(imported / "telemetry.db", aggregates_copy)
    shutil.copy(segment, tmp_path / "segment")
    for path, other, right in (
        (imported / "telemetry.db", tmp_path / "segment", aggregates_copy),
        (segment, aggregates_copy, tmp_path / "segment"),
    ):
        path.unlink()
        shutil.copy(other, path)
        for command in (("serve", "--port", "0"), ("migrate", "--accept-loss"), ("backup", tmp_path / "backups")):
            refused = run(*command, "--data-dir", imported)
            assert refused.returncode == 65, command
            assert f"{path} is another database" in refused.stderr, command
        assert f"error: {path.name}: is another database" in run("check", "--data-dir", imported).stdout
        assert path.read_bytes() == other.read_bytes()
        shutil.move(path, tmp_path / "moved")
        shutil.copy(right, path)
    succeed("migrate", "--data-dir", imported)
