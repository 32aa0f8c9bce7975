"""What clients get, row by row of the wire contract, from a real process."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from telemetry.errors import ERROR_SENTENCES, REJECTION_SENTENCES, ErrorCode, RejectionCode
from telemetry.web.answers import STATUSES
from tests.support.events import KNOWN_TYPES, encode, make_event
from tests.support.faults import failing, held_lock
from tests.support.http import (
    CORS,
    assert_coded,
    assert_common_headers,
    audited,
    eventually,
    exchange,
    fresh_events,
    new_installation,
    parse,
    post_request,
    stored,
)
from tests.support.server import ServerProcess

EVENTS_REQUIRED = b'{"error":"Invalid request: events array required","code":"events_required"}'
KNOWN_PATHS = {"/v1/events": {"POST"}, "/v1/stats": {"GET", "HEAD"}, "/v1/health": {"GET", "HEAD"}}
UNKNOWN_PATHS = [
    "/v1",
    "/v1/event",
    "/v1/events/",
    "/v1/stats/",
    "/v1/health/",
    "/V1/events",
    "//v1/events",
    "/v1/%00",
    "/v1/..",
]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
WRONG = [(method, path) for path, right in KNOWN_PATHS.items() for method in METHODS if method not in right]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with audited(tmp_path_factory.mktemp("contract") / "data", "--flush-interval-s", "0.1") as running:
        yield running


def stats(server: ServerProcess) -> Any:
    return server.request("GET", "/v1/stats").json


@pytest.mark.parametrize("count", [1, 50, 100])
def test_a_valid_batch_is_acknowledged_byte_for_byte_and_stored(server: ServerProcess, count: int) -> None:
    installation = new_installation()

    answer = server.post(encode(fresh_events(count, installation)))

    assert answer.status == 200
    assert answer.body == b'{"success":true,"eventsProcessed":%d}' % count
    assert len(stored(server, installation)) == count
    assert_common_headers(answer)


@pytest.mark.parametrize("event_type", [*KNOWN_TYPES, "new_type"])
def test_every_type_of_event_is_acknowledged(server: ServerProcess, event_type: str) -> None:
    answer = server.post(encode(fresh_events(1, new_installation(), event_type)))

    assert answer.body == b'{"success":true,"eventsProcessed":1}'


def test_an_invalid_event_is_named_and_its_neighbours_are_stored(server: ServerProcess) -> None:
    installation = new_installation()
    batch = fresh_events(5, installation)
    batch[3]["durationMs"] = "fast"

    answer = server.post(encode(batch))

    assert answer.status == 200
    assert answer.body.startswith(
        b'{"success":true,"eventsProcessed":4,"rejected":[{"index":3,"code":"field_invalid","error":"'
    )
    (rejection,) = answer.json["rejected"]
    assert rejection.keys() == {"index", "code", "error"}
    assert len(stored(server, installation)) == 4


def test_a_batch_of_invalid_events_alone_is_still_acknowledged(server: ServerProcess) -> None:
    answer = server.post(encode([3, None, make_event(timestamp=None), {}]))

    assert answer.status == 200
    assert answer.body.startswith(b'{"success":true,"eventsProcessed":0,"rejected":[{"index":0,"code":"not_an_object"')
    assert [rejection["index"] for rejection in answer.json["rejected"]] == [0, 1, 2, 3]


@pytest.mark.parametrize("body", [b'{"events":[]}', b' {"events" : [ ]}\r\n'])
def test_an_empty_batch_is_acknowledged(server: ServerProcess, body: bytes) -> None:
    answer = server.post(body)

    assert (answer.status, answer.body) == (200, b'{"success":true,"eventsProcessed":0}')


def test_events_sent_again_are_acknowledged_and_only_further_copies_are_stored(server: ServerProcess) -> None:
    installation = new_installation()
    batch = fresh_events(3, installation)

    answers = [server.post(encode(sent)).body for sent in (batch, batch, batch + batch, batch + batch)]

    assert answers == [b'{"success":true,"eventsProcessed":%d}' % count for count in (3, 3, 6, 6)]
    assert len(stored(server, installation)) == 6


@pytest.mark.parametrize(
    "body",
    [b"{}", b"[]", b"null", b"3", b'"events"', b'[{"events":[]}]', b'{"Events":[]}', b'{"events":null}',
     b'{"events":{}}', b'{"events":"[]"}', b'{"events":1}', b'{"event":{"events":[]}}'],
)  # fmt: skip
def test_a_body_without_an_events_array_is_told_so_byte_for_byte(server: ServerProcess, body: bytes) -> None:
    answer = server.post(body)

    assert (answer.status, answer.body) == (400, EVENTS_REQUIRED)
    assert_common_headers(answer)


@pytest.mark.case(33)
@pytest.mark.parametrize("path", UNKNOWN_PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "HEAD", "DELETE"])
def test_an_unknown_path_is_not_found_byte_for_byte(server: ServerProcess, method: str, path: str) -> None:
    answer = server.request(method, path, b"{}" if method in {"POST", "PUT"} else None)

    assert answer.status == 404
    assert answer.body == (b"" if method == "HEAD" else b'{"error":"Not found","code":"not_found"}')
    assert_common_headers(answer)


@pytest.mark.parametrize(("method", "path"), WRONG)
def test_a_wrong_method_on_a_known_path_is_told_the_right_ones(server: ServerProcess, method: str, path: str) -> None:
    answer = server.request(method, path)

    assert answer.status == 405
    assert KNOWN_PATHS[path] <= set(re.split(r",\s*", answer.headers["Allow"]))
    if method != "HEAD":
        assert_coded(answer, 405, "method_not_allowed")
    assert_common_headers(answer)


@pytest.mark.parametrize("path", [*KNOWN_PATHS, "/", "/nothing/here", "/v1/events/?q=1"])
def test_options_on_anything_is_empty_and_allows_every_origin(server: ServerProcess, path: str) -> None:
    preflight = {"Origin": "https://drift.example", "Access-Control-Request-Method": "POST"}
    for headers in ({}, preflight):
        answer = server.request("OPTIONS", path, headers=headers)
        assert answer.status in {200, 204}
        assert answer.body == b""
        assert_common_headers(answer)


def test_options_on_the_server_as_a_whole_is_answered(server: ServerProcess) -> None:
    answer = parse(exchange(server, b"OPTIONS * HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"))

    assert answer.status in {200, 204}
    assert answer.headers.items() >= CORS.items()


@pytest.mark.parametrize(
    "line", ["X-Nothing: 1", "Content-Type:", "Content-Type: text/plain", "Content-Type: application/json;charset=x",
             "Content-Type: ;;/\xe9", "Content-Type: multipart/form-data", "Content-Encoding: identity",
             "Content-Encoding: Identity"]
)  # fmt: skip
def test_any_content_type_or_none_is_fine(server: ServerProcess, line: str) -> None:
    body = encode(fresh_events(1, new_installation()))

    answer = parse(exchange(server, post_request(body, line, "Connection: close")))

    assert (answer.status, answer.body) == (200, b'{"success":true,"eventsProcessed":1}')


def test_an_expectation_that_is_not_known_gets_a_coded_answer_too(server: ServerProcess) -> None:
    body = encode(fresh_events(1, new_installation()))

    answer = parse(exchange(server, post_request(body, "Expect: a-miracle", "Connection: close")))

    assert answer.status in {200, 417}
    assert_common_headers(answer)


def test_health_is_healthy_and_tells_the_time(server: ServerProcess) -> None:
    answer = server.request("GET", "/v1/health")

    assert re.fullmatch(rb'\{"status":"healthy","timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"\}', answer.body)
    assert abs(datetime.now(UTC) - datetime.fromisoformat(answer.json["timestamp"])) < timedelta(seconds=10)
    assert answer.headers["Cache-Control"] == "no-store"
    assert_common_headers(answer)


def test_stats_count_what_was_stored_and_order_it_by_size(server: ServerProcess) -> None:
    before = stats(server)
    installation = new_installation()
    server.post(encode(fresh_events(3, installation) + fresh_events(2, installation, "user_action")))
    wanted = before["metrics"].get("events:user_action", 0) + 2
    eventually(lambda: stats(server)["metrics"].get("events:user_action", 0) >= wanted)
    after = stats(server)

    assert after["period"] == "last_30_days"
    assert datetime.fromisoformat(after["generatedAt"]).utcoffset() == timedelta()
    assert after["totalEvents"] == sum(v for k, v in after["metrics"].items() if k.startswith("events:"))
    grown = {name: value - before["metrics"].get(name, 0) for name, value in after["metrics"].items()}
    assert grown["events:scan_completion"] >= 3
    assert grown["events:user_action"] >= 2
    assert grown["unique_installations"] >= 1
    assert list(after["metrics"].values()) == sorted(after["metrics"].values(), reverse=True)


def test_stats_are_sent_again_only_when_they_changed(server: ServerProcess) -> None:
    first = server.request("GET", "/v1/stats")
    etag = first.headers["ETag"]
    assert re.fullmatch(r"public, max-age=\d+", first.headers["Cache-Control"])
    for known in (etag, f'"other", {etag}', f"W/{etag}"):
        same = server.request("GET", "/v1/stats", headers={"If-None-Match": known})
        assert (same.status, same.body, same.headers["ETag"]) == (304, b"", etag)
        assert same.headers["Cache-Control"] == first.headers["Cache-Control"]
        assert_common_headers(same)
    for odd in ('"other"', "nonsense", '"', ""):
        assert server.request("GET", "/v1/stats", headers={"If-None-Match": odd}).status == 200

    server.post(encode(fresh_events(1, new_installation())))

    eventually(lambda: server.request("GET", "/v1/stats", headers={"If-None-Match": etag}).status == 200)
    assert server.request("GET", "/v1/stats").headers["ETag"] != etag


@pytest.mark.parametrize("path", ["/v1/stats", "/v1/health"])
def test_head_has_the_headers_of_get_and_no_body(server: ServerProcess, path: str) -> None:
    got, head = (server.request(method, path) for method in ("GET", "HEAD"))

    assert (head.status, head.body) == (200, b"")
    for name in ("Content-Type", "Content-Length", "Cache-Control", "ETag", *CORS):
        assert head.headers.get(name) == got.headers.get(name), name


def test_a_full_queue_answers_busy_with_retry_after(data_dir: Path) -> None:
    limits = ("--queue-events-max", "2", "--batch-events-max", "2")
    with audited(data_dir, *limits) as server, ThreadPoolExecutor(1) as pool:
        assert server.post(encode(fresh_events(1, new_installation()))).status == 200
        (segment,) = (data_dir / "events").glob("*.db")
        with held_lock(segment):
            waiting = pool.submit(server.post, encode(fresh_events(1, new_installation())))
            time.sleep(0.3)
            answer = server.post(encode(fresh_events(2, new_installation())))
        assert_coded(answer, 503, "busy")
        assert int(answer.headers["Retry-After"]) > 0
        assert waiting.result().status == 200


def test_failing_storage_answers_storage_error_and_health_tells_until_it_heals(data_dir: Path) -> None:
    with audited(data_dir) as server:
        server.post(encode(fresh_events(1, new_installation())))
        (segment,) = (data_dir / "events").glob("*.db")
        batch = encode(fresh_events(2, new_installation()))
        with failing(segment, "events"):
            answer = server.post(batch)
            assert_coded(answer, 503, "storage_error")
            assert int(answer.headers["Retry-After"]) > 0
            health = server.request("GET", "/v1/health")
            assert (health.status, health.json["reason"]) == (503, "storage_error")
            assert_common_headers(health)
        eventually(lambda: server.request("GET", "/v1/health").status == 200)
        assert server.post(batch).status == 200


def test_full_storage_answers_storage_full_with_retry_after(data_dir: Path) -> None:
    limited = ("bash", "-c", 'ulimit -f 1000; exec "$@"', "limited")
    with audited(data_dir, prefix=limited) as server:
        answers = (server.post(encode(fresh_events(100, new_installation()))) for _ in range(100))
        answer = next(answer for answer in answers if answer.status != 200)
        assert_coded(answer, 503, "storage_full")
        assert int(answer.headers["Retry-After"]) > 0
        assert server.request("GET", "/v1/stats").status == 200


def test_every_error_code_has_a_status_and_the_statuses_are_those_of_the_contract() -> None:
    assert STATUSES.keys() == set(ErrorCode) == ERROR_SENTENCES.keys()
    of_tokens = {ErrorCode.INTERNAL, ErrorCode.UNAUTHORIZED, ErrorCode.FEEDBACK_TOKEN_INVALID}
    assert {status for code, status in STATUSES.items() if code not in of_tokens} <= {
        400, 404, 405, 408, 413, 415, 429, 503,
    }  # fmt: skip


def test_every_sentence_says_what_to_do() -> None:
    promised = {ErrorCode.EVENTS_REQUIRED, ErrorCode.TOO_MANY_EVENTS, ErrorCode.NOT_FOUND}
    sentences = {code: text for code, text in ERROR_SENTENCES.items() if code not in promised} | REJECTION_SENTENCES
    assert REJECTION_SENTENCES.keys() == set(RejectionCode)
    for code, sentence in sentences.items():
        assert re.search(r": (send|use|retry|set|unknown fields may) ", f"{sentence} "), code
