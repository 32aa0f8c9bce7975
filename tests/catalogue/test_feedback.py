"""Reports of both benchmarks become one event for each number; their texts become nothing."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.catalogue.batches import Batch
from telemetry.catalogue.feedback import RESULTS_MAX, decode_feedback
from telemetry.catalogue.rows import from_row
from telemetry.catalogue.rules import BatchRules
from telemetry.errors import ErrorCode, Refusal, RejectionCode
from tests.support.reports import SECRETS, cibench, drift_bench

NOW = datetime.now(UTC)
RULES = BatchRules(100, NOW - timedelta(days=90), NOW + timedelta(hours=24))


def decode(body: bytes) -> Batch:
    return decode_feedback(body, RULES, "open")


def numbers(batch: Batch) -> dict[tuple[str, ...], float]:
    found = [json.loads(row.payload) for row in batch.rows]
    return {(one["corpus"], one["level"], one["category"]): one["value"] for one in found}


def test_a_report_of_cibench_is_a_result_for_each_score() -> None:
    batch = decode(cibench(driftVersion="0.11.1"))

    assert numbers(batch) == {
        ("all", "run", "duration_ms"): 1234,
        ("demo-backend", "overall", "overall"): 71.5,
        ("demo-backend", "perception", "overall"): 80,
        ("demo-backend", "perception", "patternRecognition"): 81.25,
        ("demo-backend", "perception", "callGraphAccuracy"): 78.75,
        ("demo-backend", "calibration", "ece"): 0.25,
        ("demo-backend", "calibration", "mce"): 0.5,
        ("demo-backend", "probes", "passed"): 3,
        ("demo-backend", "probes", "total"): 4,
        ("demo-backend", "probes", "score"): 75,
        ("demo-backend", "problems", "errors"): 0,
        ("demo-backend", "problems", "warnings"): 1,
    }
    assert {(row.type, row.installation_id, row.drift_version) for row in batch.rows} == {
        ("benchmark-result", "unknown", "0.11.1")
    }


def test_a_report_of_drift_bench_is_a_result_for_each_number_of_a_phase() -> None:
    batch = decode(drift_bench())

    assert numbers(batch) == {
        ("small", "parse", "duration_us"): 1500,
        ("small", "parse", "items_processed"): 10,
        ("small", "parse", "bytes_processed"): 30_000,
        ("small", "parse", "items_per_second"): 6666.5,
        ("small", "parse", "bytes_per_second"): 20_000_000,
        ("small", "parse", "us_per_item"): 150,
        ("small", "parse", "sub_duration_us"): 1000,
        ("small", "kpis", "total_duration_us"): 1500,
        ("small", "phase_ratios", "parse-per-scan"): 0.5,
        ("small", "regressions", "regressed"): 1,
    }
    assert {(json.loads(row.payload)["tool"], row.drift_version) for row in batch.rows} == {("drift-bench", "0.0.0")}


@pytest.mark.parametrize("report", [cibench, drift_bench])
def test_no_text_of_a_report_is_kept(report: Any) -> None:
    kept = " ".join(row.payload for row in decode(report()).rows)

    assert not [secret for secret in SECRETS if secret in kept]


def test_rows_are_the_events_that_they_were_made_from() -> None:
    batch = decode(cibench())

    assert [from_row(row) for row in batch.rows] == batch.events


@pytest.mark.parametrize(
    ("version", "report"),
    [
        ("0.11.1", {"version": "0.11.1"}),
        ("0.11.1", {"drift_version": "0.11.1"}),
        ("1.2.0", {"tool": {"name": "drift", "version": "1.2.0"}}),
        ("0.0.0", {}),
    ],
)
def test_a_version_may_be_sent_under_any_of_its_names(version: str, report: Any) -> None:
    assert {row.drift_version for row in decode(cibench(**report)).rows} == {version}


@pytest.mark.parametrize("sent", [1_770_940_000, 1_770_940_000.0, 1_770_940_000_000, "1770940000"])
def test_a_time_may_be_unix_seconds_or_milliseconds(sent: Any) -> None:
    rules = BatchRules(100, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))

    assert decode_feedback(cibench(timestamp=sent), rules, "open").rows[0].timestamp == "2026-02-12T23:46:40.000Z"


@pytest.mark.parametrize(
    ("code", "body"),
    [
        (ErrorCode.INVALID_JSON, b""),
        (ErrorCode.INVALID_JSON, b'{"timestamp": NaN}'),
        (ErrorCode.INVALID_JSON, b'{"x": ' + b"[" * 100_000),
        (ErrorCode.FEEDBACK_INVALID, b"[]"),
        (ErrorCode.FEEDBACK_INVALID, b"{}"),
        (ErrorCode.FEEDBACK_INVALID, b'{"timestamp": 1770940000}'),
        (ErrorCode.FEEDBACK_INVALID, cibench(tool=None)),
        (ErrorCode.FEEDBACK_INVALID, cibench(tool="/usr/bin/drift")),
        (ErrorCode.FEEDBACK_INVALID, cibench(version="johns-macbook-pro")),
        (ErrorCode.FEEDBACK_INVALID, cibench(timestamp="yesterday")),
        (ErrorCode.FEEDBACK_INVALID, cibench(timestamp=1e300)),
        (ErrorCode.FEEDBACK_INVALID, cibench(timestamp=-1)),
        (ErrorCode.FEEDBACK_INVALID, cibench(corpora="demo")),
        (ErrorCode.FEEDBACK_INVALID, cibench(duration="1 s")),
        (ErrorCode.FEEDBACK_INVALID, cibench().replace(b"71.5", b"1e999")),
        (ErrorCode.FEEDBACK_INVALID, drift_bench(phases=[{"duration_us": 1}])),
        (ErrorCode.TOO_MANY_RESULTS, drift_bench(kpis={f"kpi{number}": 1 for number in range(RESULTS_MAX)})),
    ],
)
def test_what_is_no_report_is_refused_with_a_code_and_the_place(code: ErrorCode, body: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        decode(body)

    assert refused.value.code is code
    assert not [secret for secret in SECRETS if secret in refused.value.sentence]


def test_a_name_that_is_no_label_and_a_value_beyond_all_limits_cost_their_results_alone() -> None:
    batch = decode(
        drift_bench(kpis={"a b": 1, "src/main.rs": 2, "large": 1e13, "good": 4}, phases=[], regressions=None)
    )

    assert [json.loads(row.payload)["category"] for row in batch.rows] == ["good"]
    assert [(one.index, one.code) for one in batch.rejections] == [
        (0, RejectionCode.LABEL_INVALID), (1, RejectionCode.LABEL_INVALID), (2, RejectionCode.FIELD_INVALID),
    ]  # fmt: skip


@pytest.mark.parametrize("days", [-91, 2])
def test_a_report_out_of_the_window_of_time_has_no_events(days: int) -> None:
    batch = decode(cibench(timestamp=(NOW + timedelta(days=days)).timestamp()))

    assert (batch.rows, len(batch.mistimed), len(batch.rejections)) == ([], 1, 1)


@given(
    report=st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(
            ["corpora", "corpus", "levels", "score", "categories", "phases", "name", "kpis", "phase_ratios", "x y"]
        ), inner, max_size=4),
        max_leaves=20,
    )
)  # fmt: skip
def test_nothing_but_a_refusal_is_raised(report: Any) -> None:
    body = json.dumps({"tool": "drift", "timestamp": NOW.timestamp(), "corpora": report, "kpis": report}).encode()
    try:
        batch = decode(body)
    except Refusal:
        return
    assert len(batch.rows) == len(batch.events) == len(batch.digests)
