"""``telemetry export dataset``, as a real process."""

import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.published.label_file import decide
from telemetry.published.labels import LabelKind
from tests.support.commands import run
from tests.support.datasets import WINDOWS, write_windows
from tests.support.service import HandClock, service

pq = pytest.importorskip("pyarrow.parquet", reason="needs the extra parquet: pyarrow")


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    write_windows(tmp_path / "data" / "published.db")
    return tmp_path / "data"


def test_a_data_set_is_complete_and_names_its_licence(data_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "set"
    ended = run("export", "dataset", folder, "--data-dir", data_dir, TELEMETRY_DATASET_LICENCE="CC0-1.0")

    assert ended.returncode == 0, ended.stderr
    assert subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=folder, check=False).returncode == 0
    manifest = json.loads((folder / "dataset.json").read_text())
    assert f"content id {manifest['content_id']}" in ended.stderr
    assert "CC0-1.0" in (folder / "README.md").read_text()
    rows = {split: pq.read_table(folder / "data" / f"{split}.parquet").num_rows for split in ("train", "test")}
    assert rows == manifest["rows"]
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()} == {0o644}


def test_an_earlier_version_replaces_a_later_one_and_leaves_what_is_not_of_it(data_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    first = run("export", "dataset", folder, "--data-dir", data_dir)
    (folder / ".gitattributes").write_text("kept")
    (folder / "data" / "own.parquet").write_text("kept")
    write_windows(data_dir / "few.db", signatures=2)
    (data_dir / "few.db").replace(data_dir / "published.db")
    decide(data_dir / "public-labels.json", LabelKind.CATEGORY, "styling", admitted=False)
    with closing(sqlite3.connect(data_dir / "published.db")) as connection, connection:
        connection.execute("UPDATE windows SET generation = 2 WHERE window_start = ?", (WINDOWS[0][0],))
    again = run("export", "dataset", folder, "--to", WINDOWS[1][1], "--data-dir", data_dir)

    assert '"version": "20261004.1.1"' in (folder / "croissant.json").read_text()
    assert "no licence is chosen" in first.stderr
    assert "made again" not in first.stderr
    assert f"of 2 windows up to {WINDOWS[1][1]}" in again.stderr
    assert f"made again after an installation was excluded, with the labels that were shown then: {WINDOWS[0][0]}" in (
        again.stderr
    )
    assert "hidden since their windows were closed, and left out: 1 category" in again.stderr
    card = (folder / "README.md").read_text()
    assert "2026-08-10 (made 2 times)" in card
    assert "1 of kind category" in card
    assert (folder / ".gitattributes").read_text() == "kept"
    assert (folder / "data" / "own.parquet").read_text() == "kept"
    assert not (folder / "data" / "test.parquet").exists()


def test_what_cannot_be_exported_is_a_sentence_and_changes_nothing(data_dir: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "README.md").write_text("mine")
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "published.db").write_bytes((data_dir / "published.db").read_bytes()[:5_000])
    here = ("--data-dir", data_dir)

    for arguments, code, said in (
        ((foreign, *here), 73, "README.md that is not of a data set"),
        ((data_dir / "set", *here), 73, "among the data"),
        ((tmp_path / "set", "--to", "2026-09-01", *here), 66, "the first one ends on 2026-09-06"),
        ((tmp_path / "set", "--data-dir", tmp_path), 66, "nothing has been published"),
        ((tmp_path / "set", "--data-dir", damaged), 65, "copy published.db from the newest backup"),
        ((tmp_path / "set", "--format", "csv", *here), 2, "--format has no effect"),
        (here, 2, "name the folder"),
    ):
        ended = run("export", "dataset", *arguments)
        assert (ended.returncode, said in ended.stderr) == (code, True), ended.stderr
    assert "name a place for daily" in run("export", "daily", foreign, *here).stderr
    assert [path.name for path in foreign.iterdir()] == ["README.md"]
    assert (foreign / "README.md").read_text() == "mine"
    assert not (tmp_path / "set").exists()
    assert sorted(path.name for path in data_dir.rglob("*")) == ["published.db"]


async def test_windows_with_numbers_of_an_excluded_installation_are_named(tmp_path: Path) -> None:
    async with service(tmp_path / "data", HandClock("2026-11-02T12:00:00")):
        pass
    write_windows(tmp_path / "data" / "published.db")
    record = "INSERT INTO published_windows (period, window_start, last_day, state, generation) VALUES (?, ?, ?, ?, ?)"
    states = ("uncorrectable", "published", "closing")
    with closing(sqlite3.connect(tmp_path / "data" / "telemetry.db")) as connection, connection:
        for (start, last_day), state in zip(WINDOWS, states, strict=True):
            connection.execute(record, ("four_weeks", start, last_day, state, 2))

    said = run("export", "dataset", tmp_path / "set", "--data-dir", tmp_path / "data").stderr
    earlier = run("export", "dataset", tmp_path / "set", "--to", WINDOWS[1][1], "--data-dir", tmp_path / "data").stderr

    assert f"deleted days, and cannot be made again: {WINDOWS[0][0]}\n" in said
    assert f"deleted days: {WINDOWS[2][0]}. Export again after the next publication" in said
    assert "Export again" not in earlier
