"""Patterns and decisions of version 2 of the tool: rules by name, hashes of a format of their own, reasons."""

import json
from typing import Any

import pytest

from telemetry.catalogue.batches import Batch
from telemetry.catalogue.events import PatternSignature, as_known_by
from telemetry.catalogue.rows import from_rows
from telemetry.catalogue.vocabularies import counted_category
from telemetry.catalogue.wire import decode_batch
from telemetry.catalogue.wire_v2 import decode_batch_v2
from telemetry.counting.counters import Appended, Counters
from telemetry.counting.day_labels import DayLabels
from telemetry.errors import RejectionCode
from tests.catalogue.test_native_events import RULES
from tests.support.events import encode, make_event
from tests.support.events_v2 import encode_bare, make_event_v2

RULE = {
    "format_version": 2, "pattern_id": "SEC-XSS-001", "category": "data_access", "subcategory": "injection",
    "confidence": 0.9, "detection_method": "AstVisitor", "location_count": 12, "outlier_count": 2, "file_spread": 7,
    "confidence_mean": 0.88, "confidence_stddev": 0.05, "tier": "established", "momentum": "rising",
}  # fmt: skip
HASH = "ab" * 32


def decode(**changes: Any) -> Batch:
    """Return the batch of one pattern of version 2 with some properties changed; ``...`` leaves one out."""
    properties = {name: value for name, value in (RULE | changes).items() if value is not ...}
    return decode_batch_v2(encode_bare([make_event_v2("pattern_signature", properties=properties)]), RULES)


def test_a_rule_is_stored_with_all_that_version_2_says_of_it() -> None:
    batch = decode()

    assert batch.rejections == []
    stored = json.loads(batch.rows[0].payload)
    assert stored.keys() >= {"patternId", "formatVersion", "subcategory", "fileSpread", "confidenceStddev", "momentum"}
    assert stored["category"] == "data_access"
    assert from_rows(batch.rows) == batch.events


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({}, (2, "SEC-XSS-001")),
        ({"pattern_id": ..., "signature_hash": HASH}, (2, HASH)),
        ({"signature_hash": HASH}, (2, "SEC-XSS-001")),
        ({"format_version": ..., "pattern_id": ..., "signature_hash": HASH, "language": "py"}, (1, HASH)),
        ({"format_version": ..., "signature_hash": HASH, "language": "py"}, (1, HASH)),
    ],
)
def test_a_signature_is_counted_by_its_format(changes: dict[str, Any], key: tuple[int, str]) -> None:
    counters = Counters(DayLabels(labels_max=10))
    counters.add(Appended("2026-11-23", "2026-11-23T12:00:00.000Z", [1], decode(**changes).events))
    delta = counters.drain()

    (row,) = delta.rows["signature_counts"].values()
    assert (row.signature_format, row.signature_hash) == key
    assert row.category == "data-access"
    assert delta.daily["2026-11-23"]["category:data-access"] == 1


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"pattern_id": ...}, RejectionCode.FIELD_MISSING, "`pattern_id`"),
        ({"format_version": ..., "pattern_id": ...}, RejectionCode.FIELD_MISSING, "`signature_hash`"),
        ({"format_version": 1, "signature_hash": HASH}, RejectionCode.FIELD_MISSING, "`language`"),
        ({"pattern_id": "src/main.rs"}, RejectionCode.FIELD_INVALID, "pattern_id"),
        ({"pattern_id": "sec-xss-001"}, RejectionCode.FIELD_INVALID, "pattern_id"),
        ({"pattern_id": "SEC"}, RejectionCode.FIELD_INVALID, "pattern_id"),
        ({"pattern_id": "SEC-XSS-001\n"}, RejectionCode.FIELD_INVALID, "pattern_id"),
        ({"pattern_id": ..., "signature_hash": HASH + "a"}, RejectionCode.FIELD_INVALID, "signature_hash"),
        ({"pattern_id": ..., "signature_hash": "xyz"}, RejectionCode.HASH_INVALID, "signature_hash"),
        ({"tier": "build.example.org"}, RejectionCode.FIELD_INVALID, "tier"),
        ({"subcategory": "10_0_0_1"}, RejectionCode.FIELD_INVALID, "subcategory"),
        ({"confidence_stddev": 1.5}, RejectionCode.FIELD_INVALID, "confidence_stddev"),
        ({"format_version": 0}, RejectionCode.FIELD_INVALID, "format_version"),
    ],
)
def test_a_pattern_that_does_not_fit_is_rejected(changes: dict[str, Any], code: RejectionCode, said: str) -> None:
    (rejection,) = decode(**changes).rejections
    assert rejection.code == code
    assert said in rejection.error


def test_what_version_1_sends_is_stored_as_before() -> None:
    sent = make_event("pattern_signature", language="")
    for copies in (1, 5):
        (row, *_) = decode_batch(encode([sent] * copies), RULES).rows
        assert row.payload == (
            '{"signatureHash":"e92ab45cc886c93b","category":"api","confidence":0.9,"locationCount":3,"outlierCount":1,'
            '"detectionMethod":"ast","language":""}'
        )
        for name in ("signatureHash", "language"):
            rejections = decode_batch(
                encode([make_event("pattern_signature", **{name: ...})] * copies), RULES
            ).rejections
            assert {one.code for one in rejections} == {RejectionCode.FIELD_MISSING}
            assert name in rejections[0].error


def test_what_was_counted_before_formats_were_known_is_of_format_1() -> None:
    (event,) = decode(signature_hash=HASH).events
    before = as_known_by(event, 1)
    assert isinstance(before, PatternSignature)
    assert before.format_version == 1
    assert as_known_by(event, 2) is event


def test_decisions_of_version_2_have_reasons() -> None:
    decided = {"action": "dismiss", "reason": "false_positive", "category": "data_access", "confidence_at_action": 0.9,
               "hours_since_discovery": 3, "is_bulk_action": False}  # fmt: skip
    batch = decode_batch_v2(encode_bare([make_event_v2("user_action", properties=decided)]), RULES)
    assert json.loads(batch.rows[0].payload)["reason"] == "false_positive"
    spoiled = decided | {"reason": "because it is in src/main.rs"}
    assert decode_batch_v2(encode_bare([make_event_v2("user_action", properties=spoiled)]), RULES).rejections


def test_only_known_categories_have_one_spelling() -> None:
    assert [counted_category(name) for name in ("data_access", "data-access", "my_own", "Data_Access", "none")] == [
        "data-access", "data-access", "my_own", "Data_Access", "none",
    ]  # fmt: skip
