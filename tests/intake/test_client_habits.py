"""What the real client does, good days and bad: its recorded bodies and variations of them, against real processes."""

import json
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support import oracle
from tests.support.events import SAMPLES, Fields, encode, timestamp
from tests.support.faults import failing
from tests.support.http import (
    Connection,
    audited,
    eventually,
    fresh_events,
    new_installation,
    parse,
    post_request,
    stored,
)
from tests.support.server import ServerProcess, serving
from tests.support.service import HandClock, service

RECORDED_AT = datetime(2026, 11, 23, 16, 22, 38, tzinfo=UTC)
BODIES = {path.stem: path.read_bytes() for path in SAMPLES}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with audited(tmp_path_factory.mktemp("habits") / "data", "--flush-interval-s", "0.1") as running:
        yield running


def recorded(path: Path, installation: str, **offset: float) -> list[Fields]:
    """Return a recorded queue of an installation, moved to the present or to an offset from it."""
    now = datetime.now(UTC)
    events: list[Fields] = json.loads(path.read_bytes())["events"]
    for event in events:
        age = RECORDED_AT - datetime.fromisoformat(event["timestamp"])
        event |= {"timestamp": timestamp(now - age, **offset), "installationId": installation}
    return events


def as_stored(event: oracle.Raw) -> Fields:
    base = {"type": event.type, "timestamp": event.timestamp}
    return base | {"installationId": event.installation_id, "driftVersion": event.drift_version} | event.payload


def acknowledged(count: int) -> bytes:
    return b'{"success":true,"eventsProcessed":%d}' % count


def stats(server: ServerProcess) -> Any:
    return server.request("GET", "/v1/stats").json


def test_there_are_four_recorded_bodies() -> None:
    assert len(SAMPLES) == 4


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
async def test_a_recorded_body_is_stored_as_it_was_sent_however_often(data_dir: Path, path: Path) -> None:
    sent = json.loads(BODIES[path.stem])["events"]
    async with service(data_dir, HandClock("2026-11-23T16:22:40")) as started:
        for _ in range(3):
            assert await started.service.accept(BODIES[path.stem]) == acknowledged(len(sent))

    assert [as_stored(event) for event in oracle.check(data_dir)] == sent


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_recorded_queue_is_answered_with_the_json_that_makes_a_client_drop_it(
    server: ServerProcess, path: Path
) -> None:
    installation = new_installation()
    events = recorded(path, installation)

    answer = server.request("POST", "/v1/events", encode(events), {"Content-Type": "application/json"})

    assert (answer.status, answer.body) == (200, acknowledged(len(events)))
    assert answer.headers["Content-Length"] == str(len(answer.body))
    assert [as_stored(event) for event in stored(server, installation)] == events


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_queue_resent_whole_after_a_lost_reply_is_stored_once(server: ServerProcess, path: Path) -> None:
    installation = new_installation()
    events = recorded(path, installation)
    with Connection(server) as lost:
        lost.send(post_request(encode(events)))
    eventually(lambda: len(stored(server, installation)) == len(events))

    grown = events + fresh_events(2, installation)
    answers = [server.post(encode(queue)).body for queue in (events, events, grown)]

    assert answers == [acknowledged(len(queue)) for queue in (events, events, grown)]
    assert [as_stored(event) for event in stored(server, installation)] == grown


def test_a_queue_is_stored_once_when_the_retry_overtakes_its_first_reply(server: ServerProcess) -> None:
    installation = new_installation()
    request = post_request(encode(recorded(SAMPLES[0], installation)), "Connection: close")
    with Connection(server) as first, Connection(server) as second, Connection(server) as third:
        for connection in (first, second, third):
            connection.send(request)
        answers = [parse(connection.read()).body for connection in (third, second, first)]

    assert answers == [acknowledged(50)] * 3
    assert len(stored(server, installation)) == 50


def test_a_queue_resent_after_a_crash_of_the_service_is_stored_once(data_dir: Path) -> None:
    installation = new_installation()
    body = encode(recorded(SAMPLES[1], installation))
    with serving(data_dir) as server:
        assert server.post(body).status == 200
        server.kill()
    with audited(data_dir) as server:
        assert server.post(body).body == acknowledged(50)
        assert len(stored(server, installation)) == 50


def test_sixty_overlapping_concurrent_batches_of_the_same_sixty_events_are_sixty_rows(server: ServerProcess) -> None:
    installation = new_installation()
    events = fresh_events(60, installation)
    mixed = random.Random(60)
    batches = [mixed.sample(events, 60) for _ in range(30)] + [events[: 2 * size] for size in range(1, 31)]

    with ThreadPoolExecutor(60) as pool:
        answers = list(pool.map(lambda batch: server.post(encode(batch)), batches))

    assert [answer.body for answer in answers] == [acknowledged(len(batch)) for batch in batches]
    rows = sorted(stored(server, installation), key=lambda event: event.timestamp, reverse=True)
    assert [as_stored(event) for event in rows] == events


@pytest.mark.case(49)
def test_identical_events_of_one_queue_are_stored_as_often_as_the_queue_has_them(data_dir: Path) -> None:
    installation = new_installation()
    events = fresh_events(5, installation)
    queues = [events * 4, events * 2, events * 4, events * 5]
    with serving(data_dir) as server:
        with ThreadPoolExecutor(3) as pool:
            answers = list(pool.map(lambda queue: server.post(encode(queue)).body, queues[:3]))
        assert answers == [acknowledged(len(queue)) for queue in queues[:3]]
        assert len(stored(server, installation)) == 20
        server.kill()
    with audited(data_dir) as server:
        assert [server.post(encode(queue)).body for queue in queues] == [acknowledged(len(queue)) for queue in queues]
        assert len(stored(server, installation)) == 25


def test_events_that_differ_in_one_millisecond_or_one_number_are_all_kept(server: ServerProcess) -> None:
    installation = new_installation()
    (event,) = fresh_events(1, installation)
    moved = event | {"timestamp": timestamp(datetime.fromisoformat(event["timestamp"]), milliseconds=-500)}
    others = [event | {"durationMs": 99}, event | {"isIncremental": False}, moved, event | {"newer": 1}]

    assert server.post(encode([event, *others])).body == acknowledged(5)
    assert len(stored(server, installation)) == 5


def test_a_hundred_and_one_queued_events_wait_until_the_operator_raises_the_limit(data_dir: Path) -> None:
    installation = new_installation()
    body = encode(fresh_events(101, installation))
    with audited(data_dir) as server:
        refused = server.post(body)
        assert (refused.status, refused.json["code"]) == (400, "too_many_events")
        assert stored(server, installation) == []
    with audited(data_dir, "--batch-events-max", "500") as server:
        assert server.post(body).body == acknowledged(101)
        assert len(stored(server, installation)) == 101


def test_a_client_without_an_installation_id_is_counted_as_events_and_not_as_an_installation(data_dir: Path) -> None:
    with audited(data_dir, "--flush-interval-s", "0.1") as server:
        assert server.post(encode(recorded(SAMPLES[3], "unknown"))).body == acknowledged(8)
        eventually(lambda: stats(server)["totalEvents"] == 8)
        assert not {"unique_installations", "new_installations"} & stats(server)["metrics"].keys()

        server.post(encode(fresh_events(1, new_installation()) + fresh_events(1, "abc123")))

        eventually(lambda: stats(server)["totalEvents"] == 10)
        assert stats(server)["metrics"]["unique_installations"] == 2


@pytest.mark.parametrize("missing", [None, "", 0, [], "Unknown Client", "me@drift.example", "host.drift.example", "/x"])
def test_an_installation_id_that_is_none_does_not_block_the_queue(server: ServerProcess, missing: object) -> None:
    installation = new_installation()
    events = recorded(SAMPLES[2], installation)
    events[7]["installationId"] = missing

    answer = server.post(encode(events))

    assert (answer.status, answer.json["eventsProcessed"]) == (200, 19)
    assert [rejection["index"] for rejection in answer.json["rejected"]] == [7]
    assert [as_stored(event) for event in stored(server, installation)] == events[:7] + events[8:]


def test_a_clock_25_hours_ahead_is_told_so_and_does_not_block_the_client(server: ServerProcess) -> None:
    installation = new_installation()
    ahead = recorded(SAMPLES[0], installation, hours=25)

    answer = server.post(encode(ahead))

    assert (answer.status, answer.json["eventsProcessed"]) == (200, 0)
    assert {rejection["code"] for rejection in answer.json["rejected"]} == {"timestamp_ahead"}
    assert len(answer.json["rejected"]) == 50
    assert stored(server, installation) == []

    corrected = recorded(SAMPLES[0], installation, hours=23)
    mixed = server.post(encode(ahead[:10] + corrected[10:]))
    assert mixed.json["eventsProcessed"] == 40
    assert len(stored(server, installation)) == 40


async def test_the_window_of_timestamps_is_exact_to_the_millisecond(data_dir: Path) -> None:
    hand = HandClock()
    offsets = [{"hours": 24}, {"hours": 24, "milliseconds": 1}, {"days": -90}, {"days": -90, "milliseconds": -1}]
    events = [fresh_events(1, "unknown", timestamp=timestamp(hand.now, **offset))[0] for offset in offsets]
    async with service(data_dir, hand) as started:
        receipt = json.loads(await started.service.accept(encode(events)))

    assert receipt["eventsProcessed"] == 2
    assert [(rejection["index"], rejection["code"]) for rejection in receipt["rejected"]] == [
        (1, "timestamp_ahead"),
        (3, "timestamp_expired"),
    ]
    assert len(oracle.check(data_dir)) == 2


def test_an_interrupted_upload_stores_nothing_and_the_retry_everything(server: ServerProcess) -> None:
    installation = new_installation()
    events = recorded(SAMPLES[0], installation)
    request = post_request(encode(events))
    for part in (len(request) // 3, len(request) // 2, len(request) - 1):
        with Connection(server) as interrupted:
            interrupted.send(request[:part])
    assert server.request("GET", "/v1/health").status == 200
    assert stored(server, installation) == []

    assert server.post(encode(events)).body == acknowledged(50)
    assert [as_stored(event) for event in stored(server, installation)] == events


def test_a_queue_refused_by_failing_storage_is_stored_once_by_the_retry(data_dir: Path) -> None:
    installation = new_installation()
    body = encode(recorded(SAMPLES[0], installation))
    with audited(data_dir) as server:
        server.post(encode(fresh_events(1, "unknown")))
        (segment,) = (data_dir / "events").glob("*.db")
        with failing(segment, "events"):
            assert [server.post(body).status for _ in range(2)] == [503, 503]
        assert [server.post(body).body for _ in range(2)] == [acknowledged(50)] * 2
        assert len(stored(server, installation)) == 50
