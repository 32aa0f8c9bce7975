"""What clients send: bodies at and beyond every limit of the wire contract, posted to a real process."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry.settings import Settings
from tests.support.events import KNOWN_TYPES, encode, make_event, timestamp
from tests.support.http import (
    assert_coded,
    assert_only_the_neighbours_are_stored,
    audited,
    exchange,
    fresh_events,
    new_installation,
    parse,
    post_head,
    stored,
    with_raw,
)
from tests.support.server import ServerProcess

BODY_BYTES_MAX = Settings().body_bytes_max
NOT_JSON = {
    "empty": b"",
    "white space": b" \n",
    "text": b"events",
    "not a number": b'{"events":[],"x":NaN}',
    "infinity": b'{"events":[],"x":-Infinity}',
    "a number beyond all floats": b'{"events":[],"x":1e999}',
    "lone surrogate": b'{"events":[],"x":"\\ud800"}',
    "surrogates the wrong way round": b'{"events":[],"x":"\\udc00\\ud800"}',
    "lone surrogate in a name": b'{"events":[],"\\udfff":1}',
    "bad UTF-8": b'{"events":[],"x":"\xff"}',
    "UTF-8 cut short": b'{"events":[],"x":"\xc3"}',
    "UTF-8 longer than needed": b'{"events":[],"x":"\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"events":[],"x":"\xed\xa0\x80"}',
    "UTF-16": '{"events":[]}'.encode("utf-16"),
    "byte-order mark": b'\xef\xbb\xbf{"events":[]}',
    "trailing text": b'{"events":[]} and more',
    "two documents": b'{"events":[]}{"events":[]}',
    "trailing NUL": b'{"events":[]}\x00',
    "trailing comma": b'{"events":[],}',
    "a comment": b'{"events":[]/**/}',
    "single quotes": b"{'events':[]}",
    "a bare control character in a text": b'{"events":[],"x":"a\x01b"}',
    "a bare line feed in a text": b'{"events":[],"x":"a\nb"}',
    "a leading zero": b'{"events":[],"x":01}',
    "cut off": b'{"events":[{"type":"scan_completion"',
    "form data": b"events=%5B%5D",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with audited(tmp_path_factory.mktemp("bodies") / "data") as running:
        yield running


@pytest.mark.case(34)
@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_what_is_not_json_is_refused_whole(server: ServerProcess, body: bytes) -> None:
    assert_coded(server.post(body), 400, "invalid_json")


@pytest.mark.case(34)
@pytest.mark.parametrize("value", ["NaN", "-Infinity", '"a\x1fb"', '"\\x"', "tru", "01", "\ufeff1"])
@pytest.mark.parametrize(("event_type", "name"), [("scan_completion", "durationMs"), ("new_type", "extra")])
def test_what_is_not_json_inside_an_event_refuses_the_batch(
    server: ServerProcess, event_type: str, name: str, value: str
) -> None:
    installation = new_installation()

    assert_coded(server.post(with_raw(value, name, event_type, installation)), 400, "invalid_json")
    assert stored(server, installation) == []


@pytest.mark.case(36)
@pytest.mark.parametrize(("event_type", "name"), [("scan_completion", "filesScanned"), ("new_type", "extra")])
@pytest.mark.parametrize("value", [2**53, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**400, -(2**53), -(2**63), -(2**64)])
def test_an_integer_beyond_53_bits_costs_its_event_alone(
    server: ServerProcess, event_type: str, name: str, value: int
) -> None:
    installation = new_installation()

    body = with_raw(str(value), name, event_type, installation)

    assert_only_the_neighbours_are_stored(server, body, installation)


@pytest.mark.parametrize(
    ("event_type", "name", "value"),
    [
        ("scan_completion", "durationMs", 2**53 - 1),
        ("scan_completion", "durationMs", 12.5),
        ("scan_completion", "workerCount", 0),
        ("user_action", "hoursSinceDiscovery", -(2**53) + 1),
        ("user_action", "hoursSinceDiscovery", -1),
        ("pattern_signature", "confidence", 0),
        ("pattern_signature", "confidence", 1),
        ("pattern_signature", "language", "c#"),
        ("pattern_signature", "language", "c++"),
        ("pattern_signature", "signatureHash", "e92ab45c"),
        ("pattern_signature", "signatureHash", "F" * 64),
        ("aggregate_stats", "patternsByCategory", {}),
        ("aggregate_stats", "frameworks", ["next.js", "asp.net"]),
        ("new_type", "extra", 2**53 - 1),
        ("new_type", "extra", -(2**53) + 1),
        ("new_type", "extra", 0.1),
        ("new_type", "extra", [True, None, "fast", {"share": 0.5}]),
        ("scan_completion", "extra", 1e308),
    ],
)
def test_a_value_at_its_limit_is_stored_as_it_was_sent(
    server: ServerProcess, event_type: str, name: str, value: object
) -> None:
    installation = new_installation()

    answer = server.post(encode(fresh_events(1, installation, event_type, **{name: value})))

    assert answer.body == b'{"success":true,"eventsProcessed":1}'
    (event,) = stored(server, installation)
    assert event.payload[name] == value


@pytest.mark.parametrize(
    ("event_type", "name", "value"),
    [
        ("pattern_signature", "confidence", 1.0000001),
        ("pattern_signature", "confidence", -0.1),
        ("pattern_signature", "confidence", "0.5"),
        ("pattern_signature", "confidence", True),
        ("pattern_signature", "locationCount", 1.5),
        ("pattern_signature", "locationCount", None),
        ("pattern_signature", "detectionMethod", "main.py"),
        ("pattern_signature", "signatureHash", "xyz"),
        ("pattern_signature", "signatureHash", ""),
        ("pattern_signature", "signatureHash", "f" * 65),
        ("pattern_signature", "category", "a" * 65),
        ("user_action", "action", "rm -rf"),
        ("user_action", "hoursSinceDiscovery", 1.5),
        ("user_action", "isBulkAction", 1),
        ("aggregate_stats", "codebaseSizeTier", "john.doe"),
        ("aggregate_stats", "languages", "python"),
        ("aggregate_stats", "languages", ["python", 3]),
        ("aggregate_stats", "patternsByStatus", {"discovered": -1}),
        ("aggregate_stats", "patternsByCategory", {f"c{number}": 1 for number in range(101)}),
        ("scan_completion", "isIncremental", "true"),
        ("scan_completion", "durationMs", -0.5),
    ],
)
def test_a_value_beyond_its_limit_costs_its_event_alone(
    server: ServerProcess, event_type: str, name: str, value: object
) -> None:
    installation = new_installation()
    body = with_raw(json.dumps(value), name, event_type, installation)

    assert_only_the_neighbours_are_stored(server, body, installation)


@pytest.mark.case(36)
@pytest.mark.parametrize("character", ["\\u0000", "\\u0001", "\\n", "\\t", "\\u001b", "\\u007f", "\\u0085", "\\u2028"])
@pytest.mark.parametrize(
    ("event_type", "name"),
    [("pattern_signature", name) for name in ("category", "language", "signatureHash", "detectionMethod")]
    + [("scan_completion", name) for name in ("installationId", "driftVersion", "timestamp", "type", "extra")],
)
def test_a_control_character_costs_its_event_alone(
    server: ServerProcess, event_type: str, name: str, character: str
) -> None:
    installation = new_installation()
    for text in (f'"a{character}b"', f'"api{character}"'):
        body = with_raw(text, name, event_type, installation)
        assert_only_the_neighbours_are_stored(server, body, installation)
        installation = new_installation()


@pytest.mark.case(36)
@pytest.mark.parametrize("name", ["a\\u0000b", "a\\nb", ""])
def test_a_control_character_in_a_name_costs_its_event_alone(server: ServerProcess, name: str) -> None:
    installation = new_installation()
    body = with_raw('{"%s":1}' % name, "extra", "new_type", installation)  # noqa: UP031

    assert_only_the_neighbours_are_stored(server, body, installation)


@pytest.mark.case(35)
@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("depth", [5, 17, 300])
def test_an_event_nested_too_deep_costs_itself_alone(server: ServerProcess, depth: int, opening: str) -> None:
    for event_type, name in (("new_type", "extra"), ("scan_completion", "extra"), ("aggregate_stats", "languages")):
        installation = new_installation()
        closing = "]" if opening == "[" else "}"
        body = with_raw(opening * depth + "1" + closing * depth, name, event_type, installation)
        rejection = assert_only_the_neighbours_are_stored(server, body, installation)
        assert rejection["code"] in {"content_refused", "field_invalid"}


@pytest.mark.case(35)
@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"events":[', b'{"events":[{"type":"new_type","x":['])
@pytest.mark.parametrize("closed", [True, False])
def test_a_hundred_thousand_levels_are_refused(server: ServerProcess, opening: bytes, closed: bool) -> None:
    depth = min(100_000, BODY_BYTES_MAX // (len(opening) + 4))
    ends = {ord("["): b"]", ord("{"): b"}"}
    closing = b"".join(ends[char] for char in reversed(opening) if char in ends) * depth if closed else b""

    assert_coded(server.post(opening * depth + b"1" + closing), 400, "invalid_json")


@pytest.mark.parametrize("item", [make_event(), 3, None, {}])
def test_more_than_a_hundred_events_are_refused_byte_for_byte(server: ServerProcess, item: object) -> None:
    answer = server.post(encode([item] * 101))

    assert_coded(answer, 400, "too_many_events")
    assert answer.body == b'{"error":"Too many events: max 100 per batch","code":"too_many_events"}'


def test_a_raised_limit_takes_what_it_says_and_names_itself(data_dir: Path) -> None:
    with audited(data_dir, "--batch-events-max", "150") as server:
        installation = new_installation()
        assert server.post(encode(fresh_events(150, installation))).json["eventsProcessed"] == 150
        refused = server.post(encode(fresh_events(151, installation)))
        assert refused.body == b'{"error":"Too many events: max 150 per batch","code":"too_many_events"}'
        assert len(stored(server, installation)) == 150


def test_a_body_of_exactly_the_limit_is_taken_and_one_byte_more_is_not(server: ServerProcess) -> None:
    installation = new_installation()
    body = encode(fresh_events(1, installation))
    assert server.post(body + b" " * (BODY_BYTES_MAX - len(body))).status == 200
    assert len(stored(server, installation)) == 1

    assert_coded(parse(exchange(server, post_head(BODY_BYTES_MAX + 1))), 413, "too_large")


def test_unknown_types_and_fields_from_newer_clients_are_stored_whole(server: ServerProcess) -> None:
    installation = new_installation()
    newer = {"ratio": 0.5, "flags": [True, "fast", None], "sizes": {"small": 3, "c++": 1}}
    types = ["new_type", "x", "a" * 64, *KNOWN_TYPES]
    batch = [fresh_events(1, installation, event_type, newer=newer)[0] for event_type in types]

    answer = server.post(b'{"client":"9.9","events":' + json.dumps(batch).encode() + b"}")

    assert answer.body == b'{"success":true,"eventsProcessed":%d}' % len(types)
    events = stored(server, installation)
    assert [event.type for event in events] == types
    assert all(event.payload["newer"] == newer for event in events)


@pytest.mark.parametrize(
    "event_type", ["", "A", "Scan", "1type", "_type", "new-type", "new type", "a" * 65, "a..b", "é", None, 3, [], {}]
)
def test_a_type_that_is_no_name_costs_its_event_alone(server: ServerProcess, event_type: object) -> None:
    installation = new_installation()
    body = with_raw(json.dumps(event_type), "type", "scan_completion", installation)

    assert assert_only_the_neighbours_are_stored(server, body, installation)["code"] == "type_invalid"


@pytest.mark.parametrize("name", ["type", "timestamp", "installationId", "driftVersion"])
@pytest.mark.parametrize("event_type", [*KNOWN_TYPES, "new_type"])
def test_a_base_field_that_is_missing_or_null_costs_its_event_alone(
    server: ServerProcess, event_type: str, name: str
) -> None:
    installation = new_installation()
    before, missing, null, after = fresh_events(4, installation, event_type)
    del missing[name]
    null[name] = None

    answer = server.post(encode([before, missing, null, after]))

    assert (answer.status, answer.json["eventsProcessed"]) == (200, 2)
    assert [rejection["index"] for rejection in answer.json["rejected"]] == [1, 2]
    assert len(stored(server, installation)) == 2


@pytest.mark.parametrize("extra", ["x" * 65, "two words", "a/b", "a@b", "{}", "x()"])
def test_an_unknown_field_that_could_be_content_costs_its_event_alone(server: ServerProcess, extra: str) -> None:
    for event_type in ("scan_completion", "new_type"):
        installation = new_installation()
        body = with_raw(json.dumps(extra), "extra", event_type, installation)
        assert assert_only_the_neighbours_are_stored(server, body, installation)["code"] == "content_refused"


def test_the_reason_of_a_rejection_stays_short_whatever_was_sent(server: ServerProcess) -> None:
    long = "x" * 100_000
    spoiled = [make_event("user_action", action=long), make_event() | {long: 1}, make_event(long), {long: long}]

    answer = server.post(encode([*spoiled, make_event(timestamp=timestamp() + long)]))

    assert len(answer.json["rejected"]) == 5
    assert max(len(rejection["error"]) for rejection in answer.json["rejected"]) < 400
