"""To overwrite what is called unused in a database file changes no row, and leaves nothing of deleted ones."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.storage.sqlite.unused_bytes import DatabaseFile, NotUnderstoodError

SCHEMA = """
CREATE TABLE events (id INTEGER PRIMARY KEY AUTOINCREMENT, installation_id TEXT, payload TEXT);
CREATE INDEX by_installation ON events (installation_id);
CREATE TABLE installations (installation_id TEXT PRIMARY KEY, seen INTEGER) WITHOUT ROWID;
"""


def life(path: Path, seed: int, page_bytes: int, *, secure: bool) -> list[str]:
    """Make a database in which rows of all sizes came and went; return what is left of it, as statements."""
    chosen = random.Random(seed)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {page_bytes}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA secure_delete = {'ON' if secure else 'OFF'}")
        connection.executescript(SCHEMA)
        for _ in range(40):
            connection.execute("BEGIN")
            for _ in range(chosen.randrange(30)):
                name = f"{chosen.choice(('stays', 'leaves'))}-{chosen.getrandbits(64):016x}"
                size = chosen.choice((0, 3, 200, 3_000, 20_000))
                connection.execute("INSERT INTO events (installation_id, payload) VALUES (?, ?)", (name, "x" * size))
                connection.execute("INSERT INTO installations VALUES (?, ?)", (name, size))
            for table in ("events", "installations"):
                leaving = f"SELECT installation_id FROM {table} WHERE installation_id LIKE 'leaves%'"
                some = f"{leaving} ORDER BY random() LIMIT {chosen.randrange(10)}"
                connection.execute(f"DELETE FROM {table} WHERE installation_id IN ({some})")
            connection.execute("COMMIT")
        for table in ("events", "installations"):
            connection.execute(f"DELETE FROM {table} WHERE installation_id LIKE 'leaves%'")
        return list(connection.iterdump())


@pytest.mark.parametrize(("page_bytes", "secure"), [(512, True), (4_096, False), (16_384, True), (65_536, False)])
def test_overwriting_what_is_unused_changes_no_row_and_leaves_no_deleted_one(
    tmp_path: Path, page_bytes: int, *, secure: bool
) -> None:
    path = tmp_path / "life.db"
    rows = life(path, page_bytes, page_bytes, secure=secure)
    content = bytearray(path.read_bytes())
    unused = list(DatabaseFile(memoryview(content)).all_unused())
    for first, end in unused:
        content[first:end] = b"\xaa" * (end - first)
    path.write_bytes(content)

    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert list(connection.iterdump()) == rows
    assert len(unused) > 10
    if secure:
        assert b"leaves-" not in content


def test_a_row_that_is_there_is_not_unused_whatever_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "life.db"
    life(path, 1, 4_096, secure=True)
    content = path.read_bytes()
    file = DatabaseFile(memoryview(content))
    at, last = content.find(b"stays-"), content.rfind(b"stays-")

    assert file.unused_around(at) is file.unused_around(last) is None


def test_what_is_no_database_is_not_understood() -> None:
    with pytest.raises(NotUnderstoodError):
        DatabaseFile(memoryview(bytes(4_096)))
