"""The rows of the data set are what the published windows say, added up in another way."""

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.catalogue.decisions import ACTIONS
from telemetry.dataset.averages import INSTALLATION_BANDS, installation_band
from telemetry.dataset.rows import DATASET_COLUMNS, DatasetRow
from telemetry.dataset.splits import split_of
from telemetry.operator_errors import NoDataError
from telemetry.published.labels import PublicLabels
from tests.support.datasets import WINDOWS, snapshot_of, write_windows

_AVERAGES = """
    SELECT category, signature, min(window_start), max(window_start), count(*), sum(confidence) / sum(installations)
    FROM signatures WHERE signature <> 'other' AND window_start <= ? GROUP BY 1, 2 ORDER BY 1, 2
"""
_SHARES = """
    SELECT label, sum(share) / (SELECT sum(installations) FROM signatures WHERE category = ?1 AND signature = ?2)
    FROM signature_shares WHERE category = ?1 AND signature = ?2 AND kind = ?3 GROUP BY 1
"""
_STEPS = """
    SELECT step, sum(installations), sum(approve) / sum(installations), sum(ignore) / sum(installations)
    FROM decisions WHERE category = ? AND approve IS NOT NULL GROUP BY 1 ORDER BY 1
"""
_KINDS = {
    "language": ("languages", "language_shares"), "method": ("methods", "method_shares"),
    "occurrences": ("occurrences", "occurrence_shares"), "locations": ("locations", "location_shares"),
    "outliers": ("outliers", "outlier_shares"),
}  # fmt: skip


@pytest.fixture
def published(tmp_path: Path) -> Path:
    write_windows(tmp_path / "published.db")
    return tmp_path / "published.db"


def test_a_row_is_the_average_over_the_windows_that_have_the_signature(published: Path) -> None:
    for last_day in (None, *(last for _, last in WINDOWS)):
        snapshot = snapshot_of(published, last_day)
        with closing(sqlite3.connect(published)) as connection:
            expected = connection.execute(_AVERAGES, (last_day or "9999",)).fetchall()
        found = [
            (row.category, row.label, f"{row.first_window}", f"{row.last_window}", row.windows, row.confidence)
            for row in snapshot.rows
        ]
        assert found == [(*row[:5], pytest.approx(row[5], abs=1e-4)) for row in expected]
        assert snapshot.complete_up_to == (last_day or WINDOWS[-1][1])


def test_shares_and_decisions_add_up_over_windows(published: Path) -> None:
    with closing(sqlite3.connect(published)) as connection:
        for row in snapshot_of(published).rows:
            for kind, (labels, shares) in _KINDS.items():
                expected = dict(connection.execute(_SHARES, (*row.key, kind)).fetchall())
                found = dict(zip(getattr(row, labels), getattr(row, shares), strict=True))
                assert found == {label: pytest.approx(share, abs=1e-4) for label, share in expected.items()}
            steps = connection.execute(_STEPS, (row.category,)).fetchall()
            assert row.decision_steps == [float(step[0]) for step in steps]
            assert row.decision_voices == [step[1] for step in steps]
            assert row.decision_approve == pytest.approx([step[2] for step in steps], abs=1e-4)
            assert row.decision_ignore == pytest.approx([step[3] for step in steps], abs=1e-4)
            # Those who wrote these windows accepted by `approve` alone.
            assert (row.decision_approved, row.decision_judging_voices) == (row.decision_approve, row.decision_voices)
            here = dict(zip(row.decision_steps, row.decision_approve, strict=True))
            at = max((step for step in here if step <= row.confidence), default=None)
            if row.approved is not None:
                assert row.approved == here[at or 0.0]
                assert row.approved_low is not None
                assert row.approved_high is not None
                assert row.approved_low <= row.approved <= row.approved_high


def test_a_label_is_a_digest_or_a_rule(published: Path) -> None:
    rows = snapshot_of(published).rows

    assert {row.format for row in rows} == {"hash", "rule"}
    for row in rows:
        assert (row.signature is None) == (row.rule is not None) == (row.format == "rule")


def test_what_is_hidden_since_is_left_out_and_counted(published: Path) -> None:
    before = snapshot_of(published)
    gone = before.rows[0]
    labels = PublicLabels(
        hidden=[("signature", gone.label), ("category", "styling"), ("language", "python"), ("method", "ast")]
    )
    after = snapshot_of(published, labels=labels)

    assert after.left_out == {"category": 1, "language": 1, "method": 1, "signature": 1}
    assert before.left_out == {}
    kept = [row for row in before.rows if row.category != "styling" and row.label != gone.label]
    assert [row.key for row in after.rows] == [row.key for row in kept]
    for old, new in zip(kept, after.rows, strict=True):
        assert not {"python", "ast"} & {*new.languages, *new.methods}
        assert sum(new.language_shares) == pytest.approx(sum(old.language_shares))
        assert new.confidence == old.confidence


def test_days_before_the_first_window_and_windows_without_signatures_are_refused(tmp_path: Path) -> None:
    write_windows(tmp_path / "few.db", signatures=0)
    with pytest.raises(NoDataError, match="has a signature of 5 installations"):
        snapshot_of(tmp_path / "few.db")
    write_windows(tmp_path / "published.db")
    with pytest.raises(NoDataError, match="ended by 2026-09-05, the first one ends on 2026-09-06"):
        snapshot_of(tmp_path / "published.db", "2026-09-05")
    write_windows(tmp_path / "none.db", windows=())
    with pytest.raises(NoDataError, match="has been published yet"):
        snapshot_of(tmp_path / "none.db")


def test_every_column_says_what_it_is_and_every_action_has_one() -> None:
    names = [column.name for column in DATASET_COLUMNS]

    assert names == list(msgspec.structs.asdict(_row()))
    assert all(column.description.endswith(".") for column in DATASET_COLUMNS)
    assert {f"decision_{action}" for action in (*ACTIONS, "other_actions")} <= set(names)


def test_the_split_of_a_signature_stays_what_it_is() -> None:
    assert [number for number in range(20) if split_of(f"{number:016x}") == "test"] == [2, 16]
    shares = [split_of(f"{number:016x}") for number in range(5_000)]
    assert shares.count("test") == pytest.approx(1_000, abs=120)


@given(st.integers(1, 100_000))
def test_a_band_holds_its_number(number: int) -> None:
    band = installation_band(number)

    low, _, high = band.rstrip("+").partition("-")
    assert int(low) <= number
    assert band in INSTALLATION_BANDS
    assert number <= int(high) if high else band.endswith("+")


def _row() -> DatasetRow:
    lists: dict[str, Any] = {column.name: [] for column in DATASET_COLUMNS if column.is_list}
    day = date(2026, 11, 2)
    return DatasetRow(
        format="hash", signature="ab", rule=None, category="api", first_window=day, last_window=day, windows=1,
        installations="5-9", confidence=0.5, approved=None, approved_low=None, approved_high=None, approved_voices=0,
        **lists,
    )  # fmt: skip
