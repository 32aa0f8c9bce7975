import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.catalogue.batches import Batch
from telemetry.catalogue.event import OtherEvent
from telemetry.catalogue.events import KNOWN_EVENTS
from telemetry.catalogue.rows import from_rows
from telemetry.catalogue.rules import BatchRules
from telemetry.catalogue.schema_v2 import json_schema_v2
from telemetry.catalogue.wire import decode_batch
from telemetry.catalogue.wire_v2 import decode_batch_v2, decode_large_batch_v2
from telemetry.errors import ErrorCode, Refusal, RejectionCode
from tests.catalogue.test_wire import json_values
from tests.support.events import Fields, encode, make_event
from tests.support.events_v2 import encode_bare, make_event_v2

MOMENT = 1_770_940_000
RULES = BatchRules(100, datetime(2026, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(hours=24))
SCAN = {
    "duration_ms": 12.5, "files_scanned": 10, "new_patterns_discovered": 1, "is_incremental": False, "worker_count": 4,
}  # fmt: skip


def decode(*events: Any) -> Batch:
    return decode_batch_v2(encode_bare(list(events)), RULES)


def test_the_tools_own_example_is_accepted_bare_and_in_an_object() -> None:
    event = make_event_v2(timestamp=MOMENT)

    bare, wrapped = (decode_batch_v2(encoded([event]), RULES) for encoded in (encode_bare, encode))

    assert bare.rejections == wrapped.rejections == []
    assert bare.rows == wrapped.rows
    (row,) = bare.rows
    assert (row.type, row.timestamp) == ("scan_completed", "2026-02-12T23:46:40.000Z")
    assert (row.installation_id, row.drift_version) == (event["anonymous_id"], "2.0.1")
    assert json.loads(row.payload) == {"platform": "linux/x86_64"}
    assert from_rows(bare.rows) == bare.events


def test_an_event_becomes_what_version_1_would_have_sent() -> None:
    sent = make_event_v2("scan_completion", platform=..., timestamp=MOMENT, properties=SCAN)
    fields = {"durationMs": 12.5, "filesScanned": 10, "newPatternsDiscovered": 1, "isIncremental": False,
              "workerCount": 4}  # fmt: skip
    same = make_event(
        "scan_completion", **fields, installationId=sent["anonymous_id"], driftVersion="2.0.1",
        timestamp="2026-02-12T23:46:40.000Z",
    )  # fmt: skip

    assert decode(sent).rows == decode_batch(encode([same]), RULES).rows
    assert decode(sent | {"properties": fields}).rows == decode(sent).rows


def test_copies_of_an_event_within_a_batch_are_told_apart() -> None:
    event = make_event_v2()

    batch, again = decode(event, event, event), decode(event, event)

    assert len(set(batch.digests)) == 3
    assert again.digests == batch.digests[:2]


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"event_type": ...}, RejectionCode.TYPE_INVALID, "event_type"),
        ({"event_type": "Scan"}, RejectionCode.TYPE_INVALID, "event_type"),
        ({"anonymous_id": ...}, RejectionCode.FIELD_MISSING, "`anonymous_id`"),
        ({"anonymous_id": "a@example.org"}, RejectionCode.INSTALLATION_INVALID, "anonymous_id"),
        ({"drift_version": "host.example.org"}, RejectionCode.VERSION_INVALID, "drift_version"),
        ({"timestamp": ...}, RejectionCode.FIELD_MISSING, "`timestamp`"),
        ({"timestamp": MOMENT * 1_000}, RejectionCode.TIMESTAMP_INVALID, "Unix seconds"),
        ({"timestamp": 10**400}, RejectionCode.TIMESTAMP_INVALID, "Unix seconds"),
        ({"timestamp": -(10**11)}, RejectionCode.TIMESTAMP_INVALID, "Unix seconds"),
        ({"timestamp": -99_999_999_999}, RejectionCode.TIMESTAMP_INVALID, "Unix seconds"),
        ({"timestamp": "2026-11-23T12:00:00Z"}, RejectionCode.TIMESTAMP_INVALID, "Unix seconds"),
        ({"timestamp": True}, RejectionCode.FIELD_INVALID, "timestamp"),
        ({"timestamp": 0}, RejectionCode.TIMESTAMP_EXPIRED, "retention"),
        ({"timestamp": 99_999_999_999}, RejectionCode.TIMESTAMP_AHEAD, "24 hours"),
        ({"platform": "/etc/passwd"}, RejectionCode.FIELD_INVALID, "`$.platform`"),
        ({"platform": "linux/x86_64/build.example.org"}, RejectionCode.FIELD_INVALID, "`$.platform`"),
        ({"platform": "linux/x86_64\n"}, RejectionCode.FIELD_INVALID, "`$.platform`"),
        ({"context": "10.0.0.1"}, RejectionCode.FIELD_INVALID, "`$.context`"),
        ({"properties": []}, RejectionCode.FIELD_INVALID, "`$.properties`"),
        ({"properties": {"code": "import os; os.exit()"}}, RejectionCode.CONTENT_REFUSED, "short names"),
        ({"properties": {"path": "src/main.rs"}}, RejectionCode.CONTENT_REFUSED, "short names"),
        ({"properties": {"type": "x"}}, RejectionCode.FIELD_INVALID, "`type`"),
        ({"properties": {"installation_id": "x"}}, RejectionCode.FIELD_INVALID, "`installation_id`"),
        ({"event_type": "scan_completion"}, RejectionCode.FIELD_MISSING, "`duration_ms`"),
        (
            {"event_type": "scan_completion", "properties": SCAN | {"files_scanned": -1}},
            RejectionCode.FIELD_INVALID,
            "`$.files_scanned`",
        ),
        (
            {"event_type": "scan_completion", "properties": SCAN | {"durationMs": 3}},
            RejectionCode.FIELD_INVALID,
            "`duration_ms`",
        ),
    ],
)
def test_an_event_that_does_not_fit_is_rejected_in_the_names_of_version_2(
    changes: Any, code: RejectionCode, said: str
) -> None:
    batch = decode(make_event_v2(), make_event_v2(**changes))

    (rejection,) = batch.rejections
    assert (rejection.index, rejection.code) == (1, code)
    assert said in rejection.error
    assert "Id" not in rejection.error
    assert len(batch.rows) == 1


def test_what_version_2_does_not_define_is_kept_as_it_was_sent() -> None:
    event = make_event_v2("brand_new", context="ci", cache_hit_rate=0.5, properties={"depth_max": 3, "phases": [1, 2]})

    batch = decode(event, make_event_v2(timestamp=MOMENT + 0.25, properties=None, platform=None))

    assert batch.rejections == []
    own: Fields = {"context": "ci", "platform": "linux/x86_64", "depth_max": 3, "phases": [1, 2], "cache_hit_rate": 0.5}
    assert json.loads(batch.rows[0].payload) == own
    assert isinstance(batch.events[0], OtherEvent)
    assert from_rows(batch.rows) == batch.events
    assert batch.rows[1].timestamp == "2026-02-12T23:46:40.250Z"


@pytest.mark.parametrize(
    "body", [b'[],"a":1', b'[1],"events":[2]', b"[{}", b"[NaN]", b"\xef\xbb\xbf[]", b'["\xff"]', b""]
)
def test_a_bare_array_is_the_whole_body(body: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        decode_batch_v2(body, RULES)
    assert refused.value.code is ErrorCode.INVALID_JSON


@pytest.mark.parametrize("body", [b"{}", b'"events"', b'{"events":{}}', b"1"])
def test_a_body_without_an_array_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        decode_batch_v2(body, RULES)
    assert refused.value.code is ErrorCode.EVENTS_REQUIRED


def test_version_1_takes_no_bare_array() -> None:
    with pytest.raises(Refusal, match="events array required"):
        decode_batch(encode_bare([]), RULES)


def test_an_unreadable_number_or_text_costs_its_event() -> None:
    good = json.dumps(make_event_v2()).encode()
    huge = good.replace(b'"properties": {}', b'"properties": {"n": ' + b"9" * 5_000 + b"}")
    half = good.replace(b'"linux/x86_64"', rb'"\ud800"')
    for bodies in (b"[%b]", b'{"events":[%b]}'):
        batch = decode_batch_v2(bodies % b",".join([good, huge, half, good]), RULES)
        assert [rejection.index for rejection in batch.rejections] == [1, 2]


def test_a_batch_in_parts_is_the_batch_as_a_whole() -> None:
    events = [make_event_v2(), 7, make_event_v2(anonymous_id="unknown")] * 90
    small, large = RULES, BatchRules(1_000, RULES.earliest, RULES.latest)
    for body in (encode_bare(events), b"\n " + encode(events)):
        with pytest.raises(Refusal, match="max 100"):
            decode_batch_v2(body, small)
        in_parts, whole = asyncio.run(decode_large_batch_v2(body, small)), decode_batch_v2(body, large)
        assert in_parts == whole
        assert len(whole.rows) == 180


@given(st.dictionaries(st.sampled_from([*make_event_v2(), "context", "extra"]), json_values))
def test_a_damaged_event_costs_itself_and_not_its_neighbours(changes: Any) -> None:
    good = make_event_v2()

    batch = decode(good, good | changes, good)

    assert len(batch.rows) + len(batch.rejections) == 3
    assert {rejection.index for rejection in batch.rejections} <= {1}
    assert from_rows(batch.rows) == batch.events


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_batch_or_a_refusal(body: bytes) -> None:
    try:
        decode_batch_v2(body, RULES)
    except Refusal as refusal:
        assert refusal.code in {ErrorCode.INVALID_JSON, ErrorCode.EVENTS_REQUIRED}  # noqa: PT017


def test_the_json_schema_names_the_properties_of_every_known_type() -> None:
    cases = {one["if"]["properties"]["event_type"]["const"]: one["then"] for one in json_schema_v2()["allOf"]}

    assert cases.keys() == KNOWN_EVENTS.keys()
    scan = cases["scan_completion"]["properties"]["properties"]
    assert set(scan["required"]) == set(SCAN) == set(scan["properties"])
