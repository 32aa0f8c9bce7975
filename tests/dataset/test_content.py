"""The files of a data set: the same windows give the same bytes, and each of them is what it says."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from telemetry.dataset.card import dataset_card
from telemetry.dataset.content import dataset_files
from telemetry.dataset.manifest import About
from telemetry.dataset.rows import DATASET_COLUMNS
from tests.support.datasets import ABOUT, WINDOWS, files_of, snapshot_of, write_windows


@pytest.fixture
def published(tmp_path: Path) -> Path:
    write_windows(tmp_path / "published.db")
    return tmp_path / "published.db"


def as_lines(table: list[dict[str, Any]]) -> bytes:
    """Return rows that any program has read as the lines that they are written as."""
    return b"".join(json.dumps(row, separators=(",", ":"), default=str).encode() + b"\n" for row in table)


def test_parquet_and_json_lines_hold_the_same_rows_which_the_content_id_names(published: Path) -> None:
    manifest, files = files_of(published)
    tables = {split: pq.read_table(io.BytesIO(files[f"data/{split}.parquet"])) for split in ("train", "test")}

    lines = {split: as_lines(table.to_pylist()) for split, table in tables.items()}
    assert lines == {split: files[f"data/{split}.jsonl"] for split in lines}
    assert manifest.content_id == hashlib.sha256(lines["train"] + lines["test"]).hexdigest()
    assert manifest.rows == {split: table.num_rows for split, table in tables.items()}
    assert tables["test"].schema == tables["train"].schema
    labels = [{row["signature"] or row["rule"] for row in table.to_pylist()} for table in tables.values()]
    assert not labels[0] & labels[1]


def test_the_same_windows_give_the_same_bytes_and_an_old_version_is_made_again(published: Path, tmp_path: Path) -> None:
    write_windows(tmp_path / "earlier.db", windows=WINDOWS[:2])

    assert files_of(published) == files_of(published)
    assert files_of(published, WINDOWS[1][1]) == files_of(tmp_path / "earlier.db")
    assert files_of(published)[0].content_id != files_of(tmp_path / "earlier.db")[0].content_id


def test_the_digests_are_those_of_all_other_files(published: Path) -> None:
    _, files = files_of(published)

    lines = (line.partition("  ") for line in files.pop("SHA256SUMS").decode().splitlines())
    sums = {place: digest for digest, _, place in lines}
    assert sums == {place: hashlib.sha256(content).hexdigest() for place, content in files.items()}
    assert set(files) == {
        "README.md", "croissant.json", "dataset.json",
        "data/train.parquet", "data/train.jsonl", "data/test.parquet", "data/test.jsonl",
    }  # fmt: skip


def test_the_card_says_what_its_reader_needs(published: Path) -> None:
    manifest, files = files_of(published)
    text = files["README.md"].decode()

    assert text.startswith("---\npretty_name: ")
    assert 'license: "cc-by-4.0"' in text
    for said in (
        "5 installations", "2026-11-01", manifest.content_id, manifest.version, "DNT: 1", "The Drift project",
        "A project is counted as an installation", "--to 2026-11-01", "https://spdx.org/licenses/CC-BY-4.0.html",
        *(f"`{column.name}`" for column in DATASET_COLUMNS),
    ):  # fmt: skip
        assert said in text, said
    for share in manifest.unnamed.values():
        assert f"{share:.1%}" in text
    assert "{" not in text


def test_what_the_operator_says_stays_in_its_place(published: Path) -> None:
    hostile = About("https://example.org/licence", "a | b <script> [x](javascript:y)", "")
    manifest, files = dataset_files(snapshot_of(published), hostile)

    text = dataset_card(manifest).decode()
    assert "a \\| b &lt;script> \\[x](javascript:y)" in text
    assert '"https://example.org/licence"' in text
    described = json.loads(files["croissant.json"])
    assert described["license"] == "https://example.org/licence"
    assert "url" not in described
    unsaid, _ = dataset_files(snapshot_of(published), About())
    assert "has not chosen a licence" in dataset_card(unsaid).decode()


def test_a_split_without_rows_has_no_files(tmp_path: Path) -> None:
    write_windows(tmp_path / "published.db", signatures=2)
    manifest, files = files_of(tmp_path / "published.db")

    assert list(manifest.rows) == ["train"]
    assert "data/test.parquet" not in files
    assert "test.parquet" not in files["README.md"].decode()
    assert len(json.loads(files["croissant.json"])["recordSet"]) == 1


def test_croissant_names_every_column_and_the_digests_of_the_files(published: Path) -> None:
    manifest, files = files_of(published)
    described = json.loads(files["croissant.json"])

    assert described["conformsTo"][0] == "http://mlcommons.org/croissant/1.1"
    assert (described["url"], described["creator"]["name"]) == (ABOUT.url, ABOUT.creator)
    assert described["datePublished"] == manifest.complete_up_to
    assert {one["contentUrl"]: one["sha256"] for one in described["distribution"]} == {
        f"data/{split}.parquet": hashlib.sha256(files[f"data/{split}.parquet"]).hexdigest() for split in manifest.rows
    }
    for records in described["recordSet"]:
        assert [field["name"] for field in records["field"]] == [column.name for column in DATASET_COLUMNS]
    for name in (
        "dataCollection", "dataBiases", "dataLimitations", "dataUseCases", "personalSensitiveInformation",
        "dataSocialImpact", "dataReleaseMaintenancePlan", "dataCollectionMissingData",
    ):  # fmt: skip
        assert described[f"rai:{name}"], name
