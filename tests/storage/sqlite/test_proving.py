"""Transactions are believed only while the file system works."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from telemetry.storage.sqlite.proving import ProvingConnection
from tests.support.disks import BreakableDisk, fill, memory_disk, needs_root

needs_ext4 = pytest.mark.skipif(shutil.which("mkfs.ext4") is None, reason="needs the Debian package e2fsprogs")


@contextmanager
def connection_to(path: Path, *, witness: Path) -> Iterator[sqlite3.Connection]:
    with closing(ProvingConnection(str(path), isolation_level=None, witness=witness)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS numbers (number INTEGER)")
        yield connection


def numbers(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        return [number for (number,) in connection.execute("SELECT number FROM numbers")]


# The database is on a disk that works, so that SQLite itself finds nothing wrong.
@needs_root
@needs_ext4
def test_a_transaction_after_which_the_file_system_cannot_write_is_an_error_and_so_is_all_that_follows(
    tmp_path: Path,
) -> None:
    disk, path = BreakableDisk(tmp_path / "image", tmp_path / "disk"), tmp_path / "numbers.db"
    with disk.mounted() as folder, connection_to(path, witness=folder / "witness") as connection:
        connection.execute("INSERT INTO numbers VALUES (1)")
        disk.break_down()
        connection.execute("BEGIN")
        connection.execute("INSERT INTO numbers VALUES (2)")

        with pytest.raises(sqlite3.OperationalError, match=r"Read-only file system.*start the service again"):
            connection.execute("COMMIT")
        for statement in ("INSERT INTO numbers VALUES (3)", "SELECT 1"):
            with pytest.raises(sqlite3.OperationalError, match="Read-only file system"):
                connection.execute(statement)
    assert numbers(path) == [1, 2]


@needs_root
@needs_ext4
def test_what_changes_nothing_needs_no_proof(tmp_path: Path) -> None:
    disk, path = BreakableDisk(tmp_path / "image", tmp_path / "disk"), tmp_path / "numbers.db"
    with disk.mounted() as folder, connection_to(path, witness=folder / "witness") as connection:
        connection.execute("INSERT INTO numbers VALUES (1)")
        disk.break_down()

        assert connection.execute("SELECT number FROM numbers").fetchall() == [(1,)]


@needs_root
def test_a_full_disk_says_nothing_about_what_was_written_before(tmp_path: Path) -> None:
    path = tmp_path / "numbers.db"
    with memory_disk(tmp_path / "disk", size="64k") as folder:
        fill(folder)
        with connection_to(path, witness=folder / "witness") as connection:
            connection.execute("INSERT INTO numbers VALUES (1)")
    assert numbers(path) == [1]


def test_a_witness_keeps_its_size_and_belongs_to_its_owner(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    with connection_to(tmp_path / "numbers.db", witness=witness) as connection:
        for number in range(3):
            connection.execute("INSERT INTO numbers VALUES (?)", (number,))
            assert witness.stat().st_size == 1
    assert witness.stat().st_mode & 0o777 == 0o600


def test_without_a_witness_nothing_is_opened(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match=r"nowhere/witness: No such file or directory"):
        ProvingConnection(str(tmp_path / "numbers.db"), witness=tmp_path / "nowhere" / "witness")
