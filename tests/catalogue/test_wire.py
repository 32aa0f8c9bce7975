import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.catalogue.batches import Batch
from telemetry.catalogue.event import OtherEvent, misshapen_origin
from telemetry.catalogue.events import KNOWN_EVENTS, UserAction, json_schema
from telemetry.catalogue.rows import Row, from_row, from_rows
from telemetry.catalogue.rules import BatchRules
from telemetry.catalogue.wire import decode_batch, encode_receipt
from telemetry.errors import ErrorCode, Refusal, RejectionCode
from tests.support.events import KNOWN_TYPES, SAMPLES, encode, make_event, timestamp
from tests.support.strategies import any_events

NOW = datetime(2026, 11, 23, 23, tzinfo=UTC)
RULES = BatchRules(events_max=100, earliest=NOW - timedelta(days=90), latest=NOW + timedelta(hours=24))


def decode(*events: Any) -> Batch:
    rules = BatchRules(100, datetime.now(UTC) - timedelta(days=90), datetime.now(UTC) + timedelta(hours=24))
    return decode_batch(encode(list(events)), rules)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_real_clients_batch_becomes_rows_with_equal_payloads(path: Any) -> None:
    sent = json.loads(path.read_bytes())["events"]

    batch = decode_batch(path.read_bytes(), RULES)

    assert batch.rejections == []
    for event, row in zip(sent, batch.rows, strict=True):
        base = {"type": row.type, "timestamp": row.timestamp}
        base |= {"installationId": row.installation_id, "driftVersion": row.drift_version}
        assert base | json.loads(row.payload) == event


@given(any_events())
def test_any_valid_event_becomes_a_row_and_back(event: Any) -> None:
    body = b'{"events":[' + msgspec.json.encode(event) + b"]}"

    (row,) = decode_batch(body, RULES).rows

    assert from_row(row) == event


@given(any_events(), any_events())
def test_digests_differ_when_what_is_stored_differs(one: Any, other: Any) -> None:
    body = b'{"events":' + msgspec.json.encode([one, other]) + b"}"
    first, second = decode_batch(body, RULES).rows

    same = msgspec.structs.replace(first, drift_version="") == msgspec.structs.replace(second, drift_version="")
    assert (first.digest() == second.digest()) == same


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_batch_or_a_refusal(body: bytes) -> None:
    try:
        decode_batch(body, RULES)
    except Refusal as refusal:
        assert refusal.code in {ErrorCode.INVALID_JSON, ErrorCode.EVENTS_REQUIRED}  # noqa: PT017


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(KNOWN_TYPES), st.data())
def test_a_damaged_event_costs_itself_and_not_its_neighbours(event_type: str, data: st.DataObject) -> None:
    good = make_event()
    names = sorted(make_event(event_type))
    damaged = make_event(event_type) | {data.draw(st.sampled_from([*names, "extra"])): data.draw(json_values)}

    batch = decode(good, damaged, good)

    assert len(batch.rows) + len(batch.rejections) == 3
    assert {rejection.index for rejection in batch.rejections} <= {1}
    assert from_rows(batch.rows) == [from_row(row) for row in batch.rows] == batch.events


@pytest.mark.parametrize("event_type", KNOWN_TYPES)
def test_every_field_of_a_known_type_is_required(event_type: str) -> None:
    for name in make_event(event_type).keys() - {"type"}:
        (rejection,) = decode(make_event(event_type, **{name: ...})).rejections
        assert rejection.code is RejectionCode.FIELD_MISSING
        assert name in rejection.error


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"type": ...}, RejectionCode.TYPE_INVALID),
        ({"type": "Scan"}, RejectionCode.TYPE_INVALID),
        ({"type": 5}, RejectionCode.TYPE_INVALID),
        ({"installationId": "a@example.org"}, RejectionCode.INSTALLATION_INVALID),
        ({"installationId": None}, RejectionCode.FIELD_INVALID),
        ({"driftVersion": "host.example.org"}, RejectionCode.VERSION_INVALID),
        ({"durationMs": -1}, RejectionCode.FIELD_INVALID),
        ({"filesScanned": 2**53}, RejectionCode.FIELD_INVALID),
        ({"filesScanned": 2**64}, RejectionCode.FIELD_INVALID),
        ({"timestamp": "yesterday"}, RejectionCode.TIMESTAMP_INVALID),
        ({"timestamp": "2026-11-23T12:00:00"}, RejectionCode.TIMESTAMP_INVALID),
        ({"timestamp": timestamp(hours=25)}, RejectionCode.TIMESTAMP_AHEAD),
        ({"timestamp": timestamp(days=-91)}, RejectionCode.TIMESTAMP_EXPIRED),
        ({"extra": "import os; os.exit()"}, RejectionCode.CONTENT_REFUSED),
    ],
)
def test_an_event_that_does_not_fit_is_rejected_with_a_code(changes: Any, code: RejectionCode) -> None:
    batch = decode(make_event(), make_event(**changes))

    (rejection,) = batch.rejections
    assert (rejection.index, rejection.code) == (1, code)
    assert len(batch.rows) == 1


def test_unknown_types_and_fields_from_newer_clients_are_kept() -> None:
    newer = make_event("new_type", durationMs=5, nested={"ratio": 0.5, "flags": [True, "fast"]})
    extended = make_event(extraCount=3)

    batch = decode(newer, extended)

    assert batch.rejections == []
    assert json.loads(batch.rows[0].payload) == {"durationMs": 5, "nested": {"ratio": 0.5, "flags": [True, "fast"]}}
    assert json.loads(batch.rows[1].payload)["extraCount"] == 3
    assert isinstance(batch.events[0], OtherEvent)
    assert from_rows(batch.rows) == [from_row(row) for row in batch.rows] == batch.events


def test_an_unknown_field_does_not_change_how_its_neighbours_are_stored() -> None:
    plain = make_event("pattern_signature", confidence=1)

    assert decode(plain).rows == decode(plain, make_event(extra=1)).rows[:1]


def test_more_events_than_the_limit_are_refused_whether_valid_or_not() -> None:
    for event in (make_event(), 3):
        with pytest.raises(Refusal, match=r"Too many events: max 100 per batch"):
            decode(*[event] * 101)


def test_a_stored_row_that_the_catalogue_no_longer_understands_still_counts_as_an_event() -> None:
    for payload in ('{"old":1}', "not json", ""):
        event = from_row(Row("scan_completion", "", "a", "1.0.0", payload))
        assert event.type == "scan_completion"
        assert isinstance(event, OtherEvent)


def test_a_stored_value_that_does_not_fit_an_optional_field_is_as_unknown_as_when_it_came() -> None:
    (row,) = decode(make_event("user_action", unknown=4)).rows
    for value in ("4", '"No name"', "[1]", "null"):
        payload = row.payload.replace('"unknown":4', f'"context":"ci","reason":{value}')
        event = from_row(msgspec.structs.replace(row, payload=payload))
        assert isinstance(event, UserAction)
        assert (event.reason, event.context) == (None, "ci")

    (signature,) = decode(make_event("pattern_signature")).rows
    damaged = signature.payload.replace('"signatureHash":"', '"signatureHash":4,"old":"')
    assert isinstance(from_row(msgspec.structs.replace(signature, payload=damaged)), OtherEvent)


def test_a_damaged_row_costs_itself_and_not_the_rows_that_are_read_with_it() -> None:
    (good,) = decode(make_event()).rows
    for payload in ('{"old":1}', "not json", good.payload + "," + good.payload, '{"a":1},{"b":2}'):
        damaged = Row("scan_completion", good.timestamp, "a", "1.0.0", payload)
        assert from_rows([good, damaged, good]) == [from_row(row) for row in (good, damaged, good)]


def test_the_receipt_is_byte_for_byte_what_deployed_clients_expect() -> None:
    assert encode_receipt(50, []) == b'{"success":true,"eventsProcessed":50}'
    rejection = decode(make_event(), 3).rejections
    assert encode_receipt(1, rejection).startswith(
        b'{"success":true,"eventsProcessed":1,"rejected":[{"index":1,"code":"not_an_object","error":"'
    )


def test_the_json_schema_describes_every_known_type() -> None:
    schema = json_schema()

    assert set(schema["discriminator"]["mapping"]) == set(KNOWN_EVENTS)
    assert schema["$defs"]["ScanCompletion"]["required"][:4] == ["type", "timestamp", "installationId", "driftVersion"]


def test_every_free_text_of_the_catalogue_is_checked_for_its_shape() -> None:
    hostile = "../etc/passwd"
    for event_type in KNOWN_TYPES:
        for name, value in make_event(event_type).items():
            if isinstance(value, str):
                spoiled: Any = hostile
            elif isinstance(value, list):
                spoiled = [hostile]
            elif isinstance(value, dict):
                spoiled = {hostile: 1}
            else:
                continue
            batch = decode(make_event(event_type, **{name: spoiled}))
            assert len(batch.rejections) == 1, (event_type, name)


def test_texts_of_any_length_are_not_remembered() -> None:
    remembered = misshapen_origin.cache_info().currsize
    for event_type in ("scan_completion", "new_type"):
        for number in range(50):
            long = f"{number}" + "a" * 10_000
            assert decode(make_event(event_type, installationId=long)).rows == []
            assert decode(make_event(event_type, driftVersion=long)).rows == []

    assert misshapen_origin.cache_info().currsize == remembered
