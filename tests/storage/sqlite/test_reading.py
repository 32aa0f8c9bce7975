import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.operator_errors import DamagedError
from telemetry.storage.sqlite.reading import read_only


def test_a_reader_sees_what_a_writer_has_committed_and_can_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "odd name?#.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE numbers (number)")
        writer.execute("INSERT INTO numbers VALUES (7)")
        with read_only(path) as reader:
            assert reader.execute("SELECT number FROM numbers").fetchall() == [(7,)]
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                reader.execute("DELETE FROM numbers")


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "damaged.db"
    path.write_bytes(b"this is no database, whatever its name says" * 100)
    with pytest.raises(DamagedError, match=str(path)), read_only(path) as reader:
        reader.execute("SELECT * FROM sqlite_schema")
