"""An export is read by SQLite itself, which lets it do nothing but insert; what is not needed is passed over."""

import gzip
import re
from pathlib import Path

import pytest

from telemetry.operator_errors import DamagedError
from telemetry.storage.imports.old_worker import old_data
from tests.support.commands import run
from tests.support.old_worker import EXPORT, OldRow, dump, make_old_database, old_event, schema

ODD = old_event(1, "2026-11-23 10:00:00", payload='{"a":"it\'s\\n; done; -- and /* so on"}')
NOT_NEEDED = (
    "CREATE VIEW recent AS SELECT * FROM events;",
    "CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM events; SELECT 1; END;",
    "CREATE INDEX by_type ON events (type);",
    "CREATE TABLE notes (id INTEGER, text TEXT, n INTEGER GENERATED ALWAYS AS (length(text)) STORED);",
    "INSERT INTO notes (id, text) VALUES (1, 'a;b');",
    "INSERT OR REPLACE INTO \"d1_migrations\" VALUES(1,'0001.sql');",
    "CREATE VIRTUAL TABLE found USING fts5 (text);",
    "PRAGMA foreign_keys=OFF; BEGIN TRANSACTION; /* two on a line; */ COMMIT; -- done;",
    "/* a comment\n; of two lines */",
)


def events_of(path: Path, folder: Path) -> list[OldRow]:
    with old_data(path, folder) as old:
        return [row for chunk in old.events() for row in chunk]


def exported(folder: Path, rows: list[OldRow]) -> str:
    return dump(make_old_database(folder / "made.db", rows), folder / "made.sql").read_text()


@pytest.mark.parametrize("statement", NOT_NEEDED)
def test_what_is_not_needed_is_passed_over(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "export.sql"
    path.write_text(f"{statement}\n{exported(tmp_path, [ODD])}{statement}\n")
    assert events_of(path, tmp_path) == [ODD]


@pytest.mark.parametrize("ending", ["-- the end", "-- the end\n", "/* the end; */", "\n\n  \r\n", ";"])
def test_an_export_may_end_with_a_comment(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "export.sql"
    path.write_text("\ufeff" + exported(tmp_path, [ODD]) + ending)
    assert events_of(path, tmp_path) == [ODD]


def test_generated_columns_of_the_events_are_computed_and_left_out(tmp_path: Path) -> None:
    text = exported(tmp_path, []).replace("payload TEXT,", "payload TEXT, size INTEGER AS (length(payload)),")
    path = tmp_path / "export.sql"
    path.write_text(f"{text}INSERT INTO events VALUES {tuple(old_event(7, '2026-11-23 10:00:00'))};")
    assert events_of(path, tmp_path) == [old_event(7, "2026-11-23 10:00:00")]


def test_an_export_without_its_schema_is_read_with_that_of_the_old_worker(tmp_path: Path) -> None:
    path = tmp_path / "rows.sql"
    path.write_text(re.sub(r"^CREATE [^;]*;\n", "", EXPORT.read_text(), flags=re.MULTILINE))
    read = []
    for file in (EXPORT, path):
        with old_data(file, tmp_path) as old:
            read.append(([row for chunk in old.events() for row in chunk], list(old.counters())))
    assert read[0] == read[1]
    assert len(read[0][0]) == 306


def test_other_spellings_of_an_insert_are_read(tmp_path: Path) -> None:
    text = exported(tmp_path, [ODD]).replace('INSERT INTO "events"', "insert  or ignore into\n main . [Events]")
    path = tmp_path / "export.sql"
    path.write_text(text.replace("'scan_completion'", "replace('scan-completion','-',char(95))"))
    assert events_of(path, tmp_path) == [ODD]


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("ATTACH '/tmp/elsewhere.db' AS elsewhere;", "not authorized"),
        ("SELECT load_extension('/tmp/evil.so');", "not authorized"),
        ("INSERT INTO events (type) SELECT readfile('/etc/passwd');", "no such function"),
        ("INSERT INTO events (type) SELECT type FROM notes;", "no such table: notes"),
        ("INSERT INTO events (payload) VALUES (zeroblob(100000000));", "too big"),
        ("DROP TABLE events;", "not authorized"),
        ("DELETE FROM events;", "not authorized"),
        ("ROLLBACK; -- due to errors", "not authorized"),
        ("INSERT INTO events VALUES (1);", "values"),
        ("INSERT INTO events VALUES (1, 'cut off", "ends within the statement of line"),
        ("INSERT INTO events VALUES (1, 'cut off; /* and so on */", "ends within the statement of line"),
        ("CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM events;", "ends within the statement of line"),
    ],
)
def test_an_export_that_does_more_than_insert_or_ends_early_is_refused(
    tmp_path: Path, statement: str, complaint: str
) -> None:
    path = tmp_path / "export.sql"
    path.write_text(f"{schema()}\n{statement}\n")

    with pytest.raises(DamagedError, match=complaint):
        events_of(path, tmp_path)


def test_a_refused_export_changes_nothing_and_ends_with_one_sentence(data_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "export.sql"
    path.write_text(EXPORT.read_text()[:5_000])

    refused = run("import", "d1", path, "--data-dir", data_dir)

    assert refused.returncode == 65
    assert "ends within the statement of line" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not list(data_dir.glob("events/*"))


def test_two_exports_in_one_file_are_not_taken_for_copies(data_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "export.sql"
    rows = [old_event(number, "2026-11-23 10:00:00") for number in range(1, 1_200)]
    text = exported(tmp_path, rows)
    path.write_text(text + text.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))
    refused = run("import", "d1", path, "--dry-run", "--data-dir", data_dir)
    assert refused.returncode == 65
    assert "export" in refused.stderr


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"\xff\xfe\x00", "neither a database nor SQL"),
        (b"hello", "ends within the statement of line 1"),
        (b"", "no data of the old worker"),
        (b"CREATE TABLE other (id);", "no data of the old worker"),
        (b'[{"results": []}]', "is JSON: export .* with `wrangler d1 export"),
        (gzip.compress(b"INSERT INTO events VALUES (1);", mtime=0), "is compressed: unpack it"),
    ],
)
def test_a_file_that_is_no_old_data_is_a_clear_error(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)

    with pytest.raises(DamagedError, match=f"{path} .*{complaint}"):
        events_of(path, tmp_path)


def test_a_file_that_only_begins_like_a_database_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"SQLite format 3\0 but no more")
    with pytest.raises(DamagedError, match=str(path)):
        events_of(path, tmp_path)
