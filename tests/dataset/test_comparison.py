"""Two versions of a data set are compared row by row, and a folder with a changed byte is refused."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.dataset.comparison import Comparison, compare_datasets
from telemetry.dataset.folder import read_dataset, read_sums
from telemetry.dataset.rows import DATASET_COLUMNS
from telemetry.operator_errors import DamagedError, NoDataError
from telemetry.published.labels import PublicLabels
from tests.support.commands import run, succeed
from tests.support.datasets import WINDOWS, snapshot_of, write_dataset, write_windows


@pytest.fixture
def published(tmp_path: Path) -> Path:
    write_windows(tmp_path / "published.db")
    return tmp_path / "published.db"


def reasons(changes: Comparison) -> tuple[set[str], set[str]]:
    return {one.why for one in changes.added}, {one.why for one in changes.vanished}


def test_the_same_windows_differ_in_nothing(published: Path, tmp_path: Path) -> None:
    one = read_dataset(write_dataset(tmp_path / "one", snapshot_of(published)))

    found = compare_datasets(one, one)

    assert (found.added, found.vanished, found.changed, found.same) == ([], [], 0, len(one.rows))
    assert {drift.distance for drift in found.drift} == {0.0}


def test_a_new_window_adds_rows_and_moves_distributions(published: Path, tmp_path: Path) -> None:
    old = read_dataset(write_dataset(tmp_path / "old", snapshot_of(published, WINDOWS[0][1])))
    new = read_dataset(write_dataset(tmp_path / "new", snapshot_of(published)))

    forth, back = compare_datasets(old, new), compare_datasets(new, old)

    gained = {row.key for row in new.rows} - {row.key for row in old.rows}
    assert {(one.category, one.label) for one in forth.added} == gained
    assert forth.vanished == []
    assert all("are not in the other" in why for why in reasons(forth)[0])
    assert [(one.category, one.label) for one in back.vanished] == sorted(gained)
    assert [one.distance for one in forth.drift] == [one.distance for one in back.drift]
    installations = next(one for one in forth.drift if one.name == "installations")
    assert 0 < installations.distance <= 1
    assert sum(label.first for label in installations.labels) == pytest.approx(1, abs=0.01)


def test_a_row_that_vanishes_says_whether_it_was_hidden_or_made_again(published: Path, tmp_path: Path) -> None:
    before = read_dataset(write_dataset(tmp_path / "before", snapshot_of(published)))
    gone = before.rows[3]
    hiding = PublicLabels(hidden=[("signature", gone.label)])
    hidden = read_dataset(write_dataset(tmp_path / "hidden", snapshot_of(published, labels=hiding)))
    with closing(sqlite3.connect(published)) as connection, connection:
        connection.execute("UPDATE windows SET generation = 2")
        connection.execute("DELETE FROM signatures WHERE signature = ?", (gone.label,))
    again = read_dataset(write_dataset(tmp_path / "again", snapshot_of(published)))

    assert reasons(compare_datasets(before, hidden))[1] == {"hidden by the operator since"}
    assert reasons(compare_datasets(hidden, before))[0] == {"shown again, it was hidden before"}
    (why, *_) = reasons(compare_datasets(before, again))[1]
    assert why.startswith("made again after an installation was excluded: ")
    assert {one.label for one in compare_datasets(before, again).vanished} == {gone.label}


def test_every_changed_byte_and_every_missing_file_is_refused(published: Path, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "set", snapshot_of(published))
    places = read_sums(folder)
    for place in places:
        content = (folder / place).read_bytes()
        (folder / place).write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
        with pytest.raises(DamagedError, match=f"{place} has changed"):
            read_dataset(folder)
        (folder / place).unlink()
        with pytest.raises(DamagedError, match=f"{place} cannot be read"):
            read_dataset(folder)
        (folder / place).write_bytes(content)
    assert len(read_dataset(folder).rows) == len(snapshot_of(published).rows)
    (folder / "SHA256SUMS").write_text(f"{'0' * 64}  ../secret\n{'0' * 64}  dataset.json\n")
    with pytest.raises(DamagedError, match="not digests"):
        read_sums(folder)
    (folder / "SHA256SUMS").unlink()
    with pytest.raises(NoDataError, match="not a finished data set"):
        read_sums(folder)


def test_the_commands_show_the_difference_and_refuse_a_changed_byte(published: Path, tmp_path: Path) -> None:
    old = write_dataset(tmp_path / "old", snapshot_of(published, WINDOWS[0][1]))
    new = write_dataset(tmp_path / "new", snapshot_of(published))

    shown = succeed("dataset", "diff", old, new)
    listed = json.loads(succeed("dataset", "diff", "--json", old, new))

    assert f"added {len(listed['added'])}\n" in shown
    assert "vanished 0\n" in shown
    assert "and " in shown
    assert "  category " in shown
    assert "no byte of it has changed" in succeed("dataset", "verify", new)
    (new / "data" / "train.parquet").write_bytes(b"x")
    for command in (("verify", new), ("diff", old, new)):
        ended = run("dataset", *command)
        assert (ended.returncode, "train.parquet has changed" in ended.stderr) == (65, True)
    assert run("dataset", "verify", tmp_path).returncode == 66


def test_every_column_is_read_back(published: Path, tmp_path: Path) -> None:
    snapshot = snapshot_of(published)

    rows = read_dataset(write_dataset(tmp_path / "set", snapshot)).rows

    for column in DATASET_COLUMNS:
        written = sorted(((row.key, getattr(row, column.name)) for row in snapshot.rows), key=lambda one: one[0])
        assert sorted(((row.key, getattr(row, column.name)) for row in rows), key=lambda one: one[0]) == written
