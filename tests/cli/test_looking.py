"""What all commands that look at data do with a directory that is absent, empty, damaged, old, or someone else's."""

import shutil
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.support.cli import DAYS, exclusively_locked, fill, rows, running_command, seal
from tests.support.commands import run
from tests.support.http import eventually
from tests.support.segments import PAGE_BYTES

COMMANDS = {
    "tail": ("tail", "--no-follow", "-n", "1000"),
    "stats": ("stats",),
    "query": ("query", "SELECT count(*), sum(length(payload)) FROM events", "--from", DAYS[0]),
    "export events": ("export", "events"),
    "export daily": ("export", "daily"),
}
MIGRATIONS = Path(__file__).parents[2] / "sql" / "migrations"
OF_EVENTS = ("tail", "query", "export events")
OF_AGGREGATES = ("stats", "query", "export daily")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_directory_without_data_is_a_clear_error(tmp_path: Path, name: str) -> None:
    for directory in (tmp_path, tmp_path / "absent") if name == "tail" else (tmp_path,):
        failed = run(*COMMANDS[name], "--data-dir", directory)

        assert (failed.returncode, failed.stdout) == (66, "")
        assert (
            failed.stderr
            == f"telemetry: {directory} holds no data: choose the directory of a service with --data-dir\n"
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_a_service_that_has_had_no_events_yet_is_none(data_dir: Path, name: str) -> None:
    assert run("migrate", "--data-dir", data_dir).returncode == 0

    looked = run(*COMMANDS[name], "--data-dir", data_dir)

    assert (looked.returncode, looked.stderr) == (0, "")


@pytest.mark.parametrize("name", OF_AGGREGATES)
def test_aggregates_that_are_missing_or_damaged_are_named(data_dir: Path, name: str) -> None:
    aggregates = data_dir / "telemetry.db"
    (data_dir / "events").mkdir(parents=True)
    missing = run(*COMMANDS[name], "--data-dir", data_dir)
    aggregates.write_bytes(b"not a database " * 4_096)
    damaged = run(*COMMANDS[name], "--data-dir", data_dir)

    assert missing.returncode == 66
    assert f"{aggregates} does not exist" in missing.stderr
    assert damaged.returncode == 65
    assert f"{aggregates} is damaged" in damaged.stderr


@pytest.mark.parametrize("name", OF_EVENTS)
async def test_a_segment_that_is_damaged_is_named(data_dir: Path, name: str) -> None:
    await fill(data_dir, batches=40)
    segment = data_dir / "events" / f"{DAYS[0]}.db"
    content = bytearray(segment.read_bytes())
    content[PAGE_BYTES * 2 :] = b"\xff" * (len(content) - PAGE_BYTES * 2)
    segment.write_bytes(content)

    failed = run(*COMMANDS[name], "--data-dir", data_dir)

    assert failed.returncode == 65
    assert f"{segment} is damaged" in failed.stderr
    assert segment.read_bytes() == content


@pytest.mark.parametrize("name", OF_AGGREGATES)
def test_an_older_schema_is_told_to_be_migrated(data_dir: Path, name: str) -> None:
    data_dir.mkdir()
    with closing(sqlite3.connect(data_dir / "telemetry.db")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")

    failed = run(*COMMANDS[name], "--data-dir", data_dir)

    assert failed.returncode == 65
    assert "has schema version 0" in failed.stderr
    assert "run `telemetry migrate`" in failed.stderr


@pytest.mark.parametrize("name", [name for name in OF_AGGREGATES if name != "stats"])
def test_an_older_schema_that_says_enough_is_read(data_dir: Path, name: str) -> None:
    (data_dir / "events").mkdir(parents=True)
    schema = (MIGRATIONS / "aggregates" / "0001_aggregates.sql").read_text()
    with closing(sqlite3.connect(data_dir / "telemetry.db")) as connection:
        connection.executescript(f"PRAGMA journal_mode = WAL; {schema} PRAGMA user_version = 1;")

    looked = run(*COMMANDS[name], "--data-dir", data_dir)

    assert (looked.returncode, looked.stderr) == (0, "")


@pytest.mark.parametrize("name", ["query", "export events"])
async def test_a_segment_that_is_being_sealed_is_waited_for(data_dir: Path, name: str) -> None:
    await fill(data_dir, DAYS[:1], batches=1)
    segment = data_dir / "events" / f"{DAYS[0]}.db"
    seal(segment)
    unlocked = run(*COMMANDS[name], "--data-dir", data_dir)

    with ExitStack() as lock:
        lock.enter_context(exclusively_locked(segment))
        with running_command(*COMMANDS[name], "--data-dir", data_dir) as waiting:
            eventually(lambda: segment.name in waiting.open_files())
            assert waiting.lines_left() == []
            lock.close()
            assert waiting.end() == 0
            assert waiting.lines_left() == unlocked.stdout.splitlines()


@pytest.mark.parametrize("name", ["stats", "query", "export events"])
async def test_the_files_of_a_newer_program_are_not_guessed_at(data_dir: Path, name: str) -> None:
    await fill(data_dir, DAYS[1:], batches=1)
    file = data_dir / ("telemetry.db" if name == "stats" else f"events/{DAYS[1]}.db")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 99")

    failed = run(*COMMANDS[name], "--data-dir", data_dir)

    assert failed.returncode == 65
    assert f"{file} has schema version 99" in failed.stderr


@pytest.mark.parametrize("name", OF_EVENTS)
async def test_a_segment_whose_making_was_interrupted_has_no_events(data_dir: Path, name: str) -> None:
    await fill(data_dir, DAYS[:1], batches=1)
    whole = run(*COMMANDS[name], "--data-dir", data_dir)
    (data_dir / "events" / f"{DAYS[1]}.db").write_bytes(b"")

    looked = run(*COMMANDS[name], "--data-dir", data_dir)

    assert (looked.returncode, looked.stdout) == (0, whole.stdout)


async def test_looking_changes_nothing_and_sees_sealed_segments_like_others(data_dir: Path, tmp_path: Path) -> None:
    await fill(data_dir)
    shutil.copytree(data_dir, sealed := tmp_path / "sealed")
    for day in DAYS:
        seal(sealed / "events" / f"{day}.db")
    before = {path: path.read_bytes() for path in sorted(sealed.rglob("*.db"))}

    for arguments in COMMANDS.values():
        assert run(*arguments, "--data-dir", sealed).stdout == run(*arguments, "--data-dir", data_dir).stdout

    assert {path: path.read_bytes() for path in sorted(sealed.rglob("*.db"))} == before
    assert not list((sealed / "events").glob("*-wal"))
    assert rows(sealed / "telemetry.db", "PRAGMA integrity_check") == [("ok",)]


def test_a_directory_that_cannot_be_read_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    failed = run("stats", "--data-dir", tmp_path / "file")

    assert failed.returncode == 73
    assert "cannot read" in failed.stderr
