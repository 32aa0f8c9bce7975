"""Case 45 of the fault list: data that cannot be read at the moment, or not by this user, is not damaged."""

import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from telemetry.operator_errors import DamagedError
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.maintenance import examination
from telemetry.storage.sqlite.errors import DAMAGED, explanation
from tests.support.cli import DAYS, exclusively_locked, fill, seal
from tests.support.commands import run, succeed
from tests.support.disks import needs_root, read_only_view
from tests.support.examining import examined
from tests.support.segments import leave_journal, segment
from tests.support.service import HandClock

pytestmark = pytest.mark.case(45)

LOOKING = {
    "segments": ("segments", "--json"),
    "tail": ("tail", "--no-follow", "-n", "1000"),
    "stats": ("stats",),
    "query": ("query", "SELECT count(*) FROM events, state", "--from", DAYS[0]),
    "export events": ("export", "events"),
    "export daily": ("export", "daily"),
    "check": ("check", "--full"),
}
# Root without the right to pass over the modes of files is a user like any other.
AS_ANYBODY = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
as_anybody = pytest.mark.skipif(bool(AS_ANYBODY) and shutil.which("setpriv") is None, reason="needs setpriv")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def keep_log(path: Path) -> None:
    """Leave a database as a kill does: with its last transaction in the write-ahead log alone."""
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("CREATE TABLE last_transaction (number)")
    kept = {suffix: path.with_name(path.name + suffix).read_bytes() for suffix in ("", "-wal")}
    writer.close()
    for suffix, content in kept.items():
        path.with_name(path.name + suffix).write_bytes(content)


@contextmanager
def unwritable(folder: Path) -> Iterator[None]:
    """Take the right to write from the owner, until the end of the block."""
    for path in (folder, folder / "events"):
        path.chmod(0o500)
    yield
    for path in (folder, folder / "events"):
        path.chmod(0o700)


@needs_root
async def test_every_looking_command_reads_a_read_only_mount_and_leaves_nothing_there(
    data_dir: Path, tmp_path: Path
) -> None:
    await fill(data_dir)
    seal(segment(data_dir, DAYS[0]))
    before = contents(data_dir)
    with read_only_view(data_dir, tmp_path / "mounted") as mounted:
        for command in LOOKING.values():
            assert succeed(*command, "--data-dir", mounted)
        succeed("backup", tmp_path / "backups", "--data-dir", mounted)
    assert contents(data_dir) == before


@as_anybody
async def test_every_looking_command_reads_a_folder_that_its_user_may_not_write_to(
    data_dir: Path, tmp_path: Path
) -> None:
    await fill(data_dir)
    seal(segment(data_dir, DAYS[0]))
    with unwritable(data_dir):
        for name in ("segments", "stats", "query", "tail"):
            succeed(*LOOKING[name], "--data-dir", data_dir, prefix=AS_ANYBODY)
        checked = run(*LOOKING["check"], "--data-dir", data_dir, prefix=AS_ANYBODY)
        succeed("backup", tmp_path / "backups", "--data-dir", data_dir, prefix=AS_ANYBODY)

    assert [line for line in checked.stdout.splitlines() if line.startswith("error") and "mode" not in line] == []
    assert "2 days recounted" in checked.stdout


@needs_root
@pytest.mark.parametrize("leave", [keep_log, leave_journal])
async def test_what_only_a_writer_can_bring_in_is_to_be_copied_first(
    data_dir: Path, tmp_path: Path, leave: Callable[[Path], None]
) -> None:
    await fill(data_dir)
    leave(segment(data_dir, DAYS[1]))
    copy = tmp_path / "copy"
    with read_only_view(data_dir, tmp_path / "mounted") as mounted:
        refused = run("export", "events", "--data-dir", mounted)
        checked = run("check", "--data-dir", mounted)
        advice = f"cp -rL {mounted} COPY"
        shutil.copytree(mounted, copy)
    assert refused.returncode == 73
    assert advice in refused.stderr
    assert checked.returncode == 1
    assert advice in checked.stdout
    assert "damaged" not in checked.stdout
    assert "no problems found" in succeed("check", "--data-dir", copy)


@as_anybody
async def test_a_file_that_this_user_may_not_read_is_named_with_the_command_that_lets_it(data_dir: Path) -> None:
    await fill(data_dir)
    path = segment(data_dir, DAYS[0])
    path.chmod(0)
    checked = run("check", "--data-dir", data_dir, prefix=AS_ANYBODY)
    refused = run("export", "events", "--data-dir", data_dir, prefix=AS_ANYBODY)
    listed = run("segments", "--data-dir", data_dir, prefix=AS_ANYBODY)

    assert checked.returncode == 1
    assert f"{path.name}: cannot be read by this user: run `chmod 600 {path}`" in checked.stdout
    assert "damaged" not in checked.stdout
    assert f"telemetry: {path} cannot be read by this user: run `chmod 600 {path}`\n" == refused.stderr
    assert "?" in listed.stdout
    path.chmod(0o600)
    assert "no problems found" in succeed("check", "--data-dir", data_dir)


@as_anybody
@pytest.mark.parametrize("name", [".", "events"])
async def test_a_folder_that_this_user_may_not_enter_is_named_with_the_command_that_lets_it(
    data_dir: Path, name: str
) -> None:
    await fill(data_dir)
    folder = data_dir / name
    folder.chmod(0)
    refused = run("check", "--data-dir", data_dir, prefix=AS_ANYBODY)
    folder.chmod(0o700)

    assert refused.returncode == 73
    assert refused.stderr == f"telemetry: {folder} cannot be used by this user: run `chmod 700 {folder}`\n"


@pytest.mark.parametrize("name", ["query", "export events", "check", "backup"])
async def test_a_journal_that_a_kill_left_is_rolled_back_by_whoever_looks(
    data_dir: Path, tmp_path: Path, name: str
) -> None:
    await fill(data_dir)
    path = segment(data_dir, DAYS[0])
    leave_journal(path)

    succeed(*LOOKING.get(name, ("backup", tmp_path / "backups")), "--data-dir", data_dir)

    assert not path.with_name(f"{path.name}-journal").exists()


async def test_a_segment_behind_a_lock_is_waited_for(data_dir: Path) -> None:
    await fill(data_dir)
    seal(segment(data_dir, DAYS[0]))
    segment(data_dir, DAYS[0]).chmod(0o600)
    locked, release = threading.Event(), threading.Event()

    def hold() -> None:
        with exclusively_locked(segment(data_dir, DAYS[0])):
            locked.set()
            release.wait(1)

    holder = threading.Thread(target=hold)
    holder.start()
    assert locked.wait(10)
    shown = run("check", "--data-dir", data_dir).stdout
    holder.join()
    assert "damaged" not in shown
    assert "locked" not in shown


async def test_a_segment_behind_a_lock_that_stays_is_locked_and_not_damaged(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(data_dir)
    path = segment(data_dir, DAYS[0])
    seal(path)
    path.chmod(0o600)
    monkeypatch.setattr(examination, "PATIENCE_S", 0.1)
    with exclusively_locked(path):
        found = await examined(data_dir, HandClock().clock)
    (finding,) = (finding for finding in found.findings if finding.subject == path.name)
    assert finding.sentence.startswith("is locked")
    assert f"fuser {path}" in finding.sentence
    assert found.recounted is not None
    assert found.failed


def test_only_corrupt_and_not_a_database_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "sound.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE numbers (number)")
    about_files = ("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY")
    codes = {getattr(sqlite3, name) for name in dir(sqlite3) if name.startswith(about_files)}
    codes |= {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_FULL, sqlite3.SQLITE_NOMEM, *DAMAGED}
    assert len(codes) > 30
    for code in codes:
        error = sqlite3.OperationalError("as SQLite says it")
        error.sqlite_errorcode = code
        explained = explanation(error, path)
        assert explained is not None, code
        assert isinstance(explained, DamagedError) == (code & 0xFF in DAMAGED), code
        assert ("damaged" in str(explained)) == (code & 0xFF in DAMAGED)
        assert str(path) in str(explained)


@as_anybody
def test_a_service_starts_below_a_folder_that_it_may_enter_and_not_read(tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    succeed("migrate", "--data-dir", outer / "data")
    outer.chmod(0o311)
    try:
        again = run("migrate", "--data-dir", outer / "data", prefix=AS_ANYBODY)
        assert (again.returncode, again.stderr) == (0, "")
    finally:
        outer.chmod(0o700)


async def test_check_waits_for_many_locked_segments_no_longer_than_for_one(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(data_dir)
    directory = DataDirectory(data_dir)
    monkeypatch.setattr(examination, "PATIENCE_S", 1.0)
    with ExitStack() as locked:
        for path in directory.segments().values():
            seal(path)
            path.chmod(0o600)
            locked.enter_context(exclusively_locked(path))
        began_at = time.monotonic()
        findings, sound = examination.find_sound(directory, full=False)
        waited_s = time.monotonic() - began_at
    assert [finding.sentence.startswith("is locked") for finding in findings] == [True, True]
    assert not sound
    assert 0.9 < waited_s < 1.8
