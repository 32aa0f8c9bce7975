"""The rows that an import refuses go where they are told to, and never in the place of what is read."""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.commands import run, succeed
from tests.support.old_worker import EXPORT


@pytest.mark.case(41)
@pytest.mark.parametrize("flags", [[], ["--dry-run"]])
@pytest.mark.parametrize("name", ["export.sql", "link", "other-name", "data/telemetry.db"])
def test_a_file_of_refused_rows_that_is_the_input_or_among_the_data_is_refused(
    tmp_path: Path, name: str, flags: list[str]
) -> None:
    shutil.copy(EXPORT, tmp_path / "export.sql")
    (tmp_path / "link").symlink_to("export.sql")
    (tmp_path / "other-name").hardlink_to(tmp_path / "export.sql")
    succeed("migrate", "--data-dir", tmp_path / "data")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    arguments = (tmp_path / "export.sql", "--data-dir", tmp_path / "data", "--refused", tmp_path / name)

    refused = run("import", "d1", *arguments, *flags)

    assert refused.returncode == 73
    assert "which is read: choose another place with --refused" in refused.stderr
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


@pytest.mark.case(41)
def test_refused_rows_replace_nothing_before_all_is_read_and_go_where_they_are_told(
    data_dir: Path, tmp_path: Path
) -> None:
    refused, torn = tmp_path / "refused.jsonl", tmp_path / "torn.sql"
    refused.write_text("earlier")
    torn.write_text(EXPORT.read_text()[:60_000])

    failed = run("import", "d1", torn, "--data-dir", data_dir, "--refused", refused)
    assert failed.returncode == 65
    assert [path.read_text() for path in tmp_path.glob("*refused*")] == ["earlier"]
    dry = run("import", "d1", EXPORT, "--dry-run", "--data-dir", data_dir, "--refused", "-", "--json")
    succeed("import", "d1", EXPORT, "--data-dir", data_dir, "--refused", refused)

    assert json.loads(dry.stderr)["events"]["refused"] == 4
    assert dry.stdout == refused.read_text()
