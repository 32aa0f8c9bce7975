"""An export is loaded by SQLite itself, which lets it do nothing but insert."""

from pathlib import Path

import pytest

from telemetry.operator_errors import DamagedError
from telemetry.storage.d1.source import old_data
from tests.support.commands import run
from tests.support.old_worker import EXPORT, dump, make_old_database, old_event, schema


def test_what_other_tools_put_around_the_rows_is_passed_over(tmp_path: Path) -> None:
    odd = old_event(1, "2026-11-23 10:00:00", payload='{"a":"it\'s\\n; done;"}')
    exported = dump(make_old_database(tmp_path / "made.db", [odd]), tmp_path / "export.sql")
    framed = "PRAGMA foreign_keys=OFF;\n" + exported.read_text() + "CREATE INDEX by_type ON events (type);\n"
    exported.write_text(framed.replace("'scan_completion'", "replace('scan-completion','-',char(95))"))
    assert "BEGIN TRANSACTION" in framed

    with old_data(exported, tmp_path) as old:
        assert old.execute("SELECT * FROM events").fetchall() == [odd]
        assert not old.execute("SELECT name FROM sqlite_schema WHERE name = 'by_type'").fetchall()


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("ATTACH '/tmp/elsewhere.db' AS elsewhere;", "not authorized"),
        ("SELECT load_extension('/tmp/evil.so');", "not authorized"),
        ("INSERT INTO events (type) SELECT readfile('/etc/passwd');", "no such function"),
        ("CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM events; END;", "not authorized"),
        ("DROP TABLE events;", "not authorized"),
        ("DELETE FROM events;", "not authorized"),
        ("INSERT INTO events VALUES (1);", "values"),
        ("INSERT INTO events VALUES (1, 'cut off", "ends within the statement"),
    ],
)
def test_an_export_that_does_more_than_insert_or_ends_early_is_refused(
    tmp_path: Path, statement: str, complaint: str
) -> None:
    path = tmp_path / "export.sql"
    path.write_text(f"{schema()}\n{statement}\n")

    with pytest.raises(DamagedError, match=complaint), old_data(path, tmp_path):
        pass


def test_a_refused_export_changes_nothing_and_ends_with_one_sentence(data_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "export.sql"
    path.write_text(EXPORT.read_text()[:5_000])

    refused = run("import", "d1", path, "--data-dir", data_dir)

    assert refused.returncode == 65
    assert "ends within the statement of line" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not list(data_dir.glob("events/*"))


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"SQLite format 3\0 but no more", b"hello", b""])
def test_a_file_that_is_no_old_data_is_a_clear_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)

    with pytest.raises(DamagedError, match=str(path)), old_data(path, tmp_path):
        pass
