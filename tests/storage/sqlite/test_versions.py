"""A version of SQLite that can lose data is reported, with what to do about it."""

from pathlib import Path

from telemetry.storage.sqlite.database import wal_reset_warning


def test_a_version_that_can_lose_data_is_reported_with_the_files_to_leave_alone(tmp_path: Path) -> None:
    sentence = wal_reset_warning(tmp_path, (3, 46, 1))

    assert sentence is not None
    assert sentence.startswith("3.46.1 can lose data")
    assert f"let no other program write to the files in {tmp_path}, or use a Python with" in sentence
    assert wal_reset_warning(tmp_path, (3, 51, 3)) is None
