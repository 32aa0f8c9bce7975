"""What commands work on leaves no id behind when they are killed, and is named when there is no room for it."""

import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support import oracle
from tests.support.commands import run, succeed
from tests.support.disks import memory_disk, needs_root
from tests.support.old_worker import EXPORT
from tests.support.processes import COMMAND

pytestmark = pytest.mark.case(41)
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs the Debian package strace")


def installation_ids(data_dir: Path) -> list[bytes]:
    found = oracle.read(data_dir / "telemetry.db", "SELECT installation_id FROM installations")
    return [str(row[0]).encode() for row in found]


def contents(folder: Path) -> bytes:
    return b"\0".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@needs_strace
@pytest.mark.parametrize("when", [30, 60])
def test_a_check_that_is_killed_while_it_writes_leaves_no_id_and_the_next_removes_the_rest(
    imported: Path, tmp_path: Path, when: int
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    others = {"drift-telemetry-of-mine", "drift-telemetry-12345678.txt", "telemetry-recount-abc"}
    for name in others:
        (temporary / name).mkdir()
    call = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject=pwrite64:signal=KILL:when={when}")

    ended = run("check", "--data-dir", imported, prefix=call, TMPDIR=str(temporary))

    assert ended.returncode == -signal.SIGKILL
    left = contents(temporary)
    assert len(left) > 1_000
    assert len(ids := installation_ids(imported)) > 1
    assert not any(each in left or hashlib.sha256(each).hexdigest().encode() in left for each in ids)
    assert not list(imported.glob("scratch-*"))
    run("check", "--data-dir", imported, TMPDIR=str(temporary))
    assert {path.name for path in temporary.iterdir()} == others


def test_commands_that_begin_at_the_same_time_do_not_remove_the_folders_of_each_other(tmp_path: Path) -> None:
    code = (
        "from telemetry.storage.directory.scratch import temporary\n"
        "for _ in range(400):\n"
        "    with temporary() as folder: (folder / 'made').write_text('')\n"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    working = [subprocess.Popen([sys.executable, "-c", code], env=environment) for _ in range(4)]

    assert [each.wait() for each in working] == [0] * 4
    assert not list(tmp_path.iterdir())


@needs_strace
@pytest.mark.parametrize("form", ["sql", "database"])
def test_a_dry_run_of_an_import_that_is_killed_leaves_nothing(tmp_path: Path, form: str) -> None:
    temporary, file = tmp_path / "tmp", EXPORT
    temporary.mkdir()
    if form == "database":
        file = tmp_path / "old.db"
        with closing(sqlite3.connect(file)) as old:
            old.executescript(EXPORT.read_text())
    call = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=rmdir:signal=KILL")

    ended = run("import", "d1", file, "--dry-run", "--data-dir", tmp_path / "data", prefix=call, TMPDIR=str(temporary))

    assert ended.returncode == -signal.SIGKILL
    assert contents(temporary) == b""
    assert not (tmp_path / "data").exists()


@needs_strace
def test_a_repair_that_is_killed_works_in_the_data_directory_and_the_next_removes_what_is_left(
    imported: Path, tmp_path: Path
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    call = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=rmdir:signal=KILL")

    ended = run("repair", "--data-dir", imported, prefix=call, TMPDIR=str(temporary))

    assert ended.returncode == -signal.SIGKILL
    assert list(temporary.iterdir()) == []
    assert list(imported.glob("scratch-*"))
    succeed("repair", "--data-dir", imported)
    assert not list(imported.glob("scratch-*"))


@needs_root
def test_a_full_folder_for_temporary_files_is_named_with_what_to_do(imported: Path, tmp_path: Path) -> None:
    with memory_disk(tmp_path / "tmp", size="100k") as temporary:
        ended = run("check", "--data-dir", imported, TMPDIR=str(temporary))

        assert ended.returncode == 74, ended.stdout
        assert ended.stderr.startswith(f"telemetry: {temporary}, the folder for temporary files, is full: free some ")
        assert ended.stderr.count("\n") == 1
        assert list(temporary.iterdir()) == []
        # Rows of an export are judged as they are read: a dry run needs no room for them.
        assert EXPORT.stat().st_size > 90_000
        dry = succeed("import", "d1", EXPORT, "--dry-run", "--data-dir", imported, TMPDIR=str(temporary))
        assert "0 would be added, 302 were here already" in dry
        assert "1 day recounted" in succeed("repair", "--dry-run", "--data-dir", imported, TMPDIR=str(temporary))
    missing = run("check", "--data-dir", imported, TMPDIR=str(tmp_path / "absent"))
    assert missing.returncode == 74
    assert f"{tmp_path / 'absent'}, the folder for temporary files, cannot be used (No such file" in missing.stderr


@needs_root
def test_a_full_data_directory_is_named_by_a_repair(imported: Path, tmp_path: Path) -> None:
    with memory_disk(tmp_path / "disk", size="700k") as disk:
        shutil.copytree(imported, disk / "data")
        (disk / "ballast").write_bytes(bytes(100_000))
        ended = run("repair", "--dry-run", "--data-dir", disk / "data")

    assert ended.returncode == 74
    assert f"{disk / 'data'}" in ended.stderr
    assert "full: free some space on it" in ended.stderr


def test_two_checks_at_once_leave_each_other_alone(imported: Path, tmp_path: Path) -> None:
    command = [str(COMMAND), "check", "--data-dir", str(imported)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"TMPDIR": str(tmp_path)}) for _ in "ab"]
    printed = [process.communicate(timeout=60)[0] for process in both]

    assert printed[0] == printed[1]
    assert b"1 day recounted" in printed[0]
