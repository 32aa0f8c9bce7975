"""Any bytes give one coded answer, never an exception and never a 500; a real process says so."""

import contextlib
import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.errors import ErrorCode, RejectionCode
from tests.support.events import KNOWN_TYPES, SAMPLES, encode, make_event
from tests.support.http import CORS, Connection, assert_common_headers, audited
from tests.support.server import Answer, ServerProcess

EXAMPLES = settings(max_examples=80)

scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
near_events = st.builds(
    lambda event_type, changes: make_event(event_type) | changes,
    st.sampled_from([*KNOWN_TYPES, "new_type"]),
    st.dictionaries(
        st.sampled_from(["type", "timestamp", "installationId", "category", "extra", "durationMs"])
        | st.text(max_size=5),
        documents,
        max_size=2,
    ),
)
batches = st.lists(near_events | documents, max_size=6)
texts = (documents | st.fixed_dictionaries({"events": batches | documents})).map(
    # ``NaN`` and lone surrogates get in here as they do from careless clients.
    lambda document: json.dumps(document).encode()
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return a real client's body with some bytes changed, inserted or cut."""
    body = bytearray(SAMPLES[-1].read_bytes())
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(body)))
        body[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(body)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with audited(tmp_path_factory.mktemp("property") / "data", "--retention-days", "36500") as running:
        yield running


@pytest.fixture(scope="module")
def client(server: ServerProcess) -> Iterator[http.client.HTTPConnection]:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
        yield connection


def post(client: http.client.HTTPConnection, body: bytes, headers: dict[str, str] | None = None) -> Answer:
    client.request("POST", "/v1/events", body, headers or {})
    with client.getresponse() as response:
        return Answer(response.status, dict(response.headers), response.read())


def assert_one_coded_answer(answer: Answer) -> Any:
    assert_common_headers(answer)
    document = answer.json
    if answer.status == 200:
        rejected = document.get("rejected", [])
        assert document["success"] is True
        assert {rejection["code"] for rejection in rejected} <= set(RejectionCode)
        assert [rejection["index"] for rejection in rejected] == sorted({rejection["index"] for rejection in rejected})
    else:
        assert answer.status == 400
        assert document.keys() == {"error", "code"}
        assert document["code"] in {ErrorCode.INVALID_JSON, ErrorCode.EVENTS_REQUIRED}
    return document


@EXAMPLES
@given(st.binary(max_size=300))
def test_any_bytes_give_one_coded_answer(client: http.client.HTTPConnection, body: bytes) -> None:
    assert_one_coded_answer(post(client, body))


@EXAMPLES
@given(texts)
def test_any_json_gives_one_coded_answer(client: http.client.HTTPConnection, body: bytes) -> None:
    assert_one_coded_answer(post(client, body))


@EXAMPLES
@given(damaged())
def test_a_damaged_body_of_a_real_client_gives_one_coded_answer(
    client: http.client.HTTPConnection, body: bytes
) -> None:
    assert_one_coded_answer(post(client, body))


@EXAMPLES
@given(batches)
def test_every_event_of_a_batch_is_either_processed_or_rejected(
    client: http.client.HTTPConnection, batch: list[Any]
) -> None:
    try:
        well_formed = "\\ud" not in json.dumps(batch, allow_nan=False)
    except ValueError:
        well_formed = False

    document = assert_one_coded_answer(post(client, encode(batch)))

    if well_formed:
        assert document["eventsProcessed"] + len(document.get("rejected", [])) == len(batch)


header_values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30).map(str.strip)
odd_headers = st.dictionaries(
    st.sampled_from(
        ["Content-Type", "Accept", "If-None-Match", "Cookie", "Origin", "X-Forwarded-For", "Range", "Accept-Encoding"]
    ),
    header_values,
    max_size=4,
)


@EXAMPLES
@given(odd_headers)
def test_headers_do_not_change_what_a_body_gets(client: http.client.HTTPConnection, headers: dict[str, str]) -> None:
    answer = post(client, b'{"events":[]}', headers)

    assert (answer.status, answer.body) == (200, b'{"success":true,"eventsProcessed":0}')


@EXAMPLES
@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE"]),
    st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"), max_size=30),
    odd_headers,
)
def test_any_method_on_any_path_gives_an_answer_with_the_common_headers(
    client: http.client.HTTPConnection, method: str, path: str, headers: dict[str, str]
) -> None:
    client.request(method, "/" + path, headers=headers)
    with client.getresponse() as response:
        answer = Answer(response.status, dict(response.headers), response.read())

    assert answer.status in {200, 204, 304, 400, 404, 405}
    if answer.status != 400:
        assert answer.headers.items() >= CORS.items()


@settings(max_examples=40)
@given(st.binary(min_size=1, max_size=200))
def test_any_bytes_on_a_connection_are_answered_with_400_or_closed(server: ServerProcess, data: bytes) -> None:
    with Connection(server) as connection:
        connection.send(data + b"\r\n\r\n\x00 / HTTP/1.1\r\n\r\n")
        received = connection.read_some()

    assert received == b"" or received.startswith((b"HTTP/1.0 4", b"HTTP/1.1 4"))
    assert server.request("GET", "/v1/health").status == 200
