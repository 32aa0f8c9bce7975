"""Queues that outgrew the batch limit, as a deployed client sends them to a real process."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.admin import scrape
from tests.support.client import Client
from tests.support.events import encode
from tests.support.http import audited, fresh_events, new_installation, stored
from tests.support.server import ServerProcess

TOO_MANY = b'{"error":"Too many events: max 100 per batch","code":"too_many_events"}'

pytestmark = pytest.mark.case(48)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with audited(tmp_path_factory.mktemp("large") / "data", "--flush-interval-s", "0.1") as running:
        yield running


def test_a_client_that_was_offline_for_three_scans_gets_its_whole_queue_in(server: ServerProcess) -> None:
    client = Client(new_installation())
    scans = [fresh_events(74, client.installation) for _ in range(4)]

    assert [client.run_command(None, scan) for scan in scans[:3]] == [False] * 3
    assert len(client.queue) == 222
    assert client.run_command(server, scans[3])

    assert [answer.status for answer in client.answers] == [400, 200]
    assert client.answers[0].body == TOO_MANY
    assert client.answers[1].body == b'{"success":true,"eventsProcessed":296}'
    rows = stored(server, client.installation)
    assert [row.timestamp for row in rows] == [event["timestamp"] for scan in scans for event in scan]


def test_a_queue_that_grew_after_a_lost_answer_is_stored_once(server: ServerProcess) -> None:
    client = Client(new_installation(), pause_part=0.01)
    client.run_command(None, fresh_events(150, client.installation))
    kept = list(client.queue)
    assert client.run_command(server, [])
    client.queue = kept

    assert client.run_command(server, fresh_events(20, client.installation))

    assert client.answers[-1].body == b'{"success":true,"eventsProcessed":170}'
    assert len(stored(server, client.installation)) == 170


def test_a_queue_that_meets_a_restart_between_two_tries_gets_in(data_dir: Path) -> None:
    client = Client(new_installation(), pause_part=0.01)
    client.run_command(None, fresh_events(101, client.installation))
    with audited(data_dir) as server:
        assert server.post(encode(client.queue)).body == TOO_MANY
    with audited(data_dir) as server:
        assert client.run_command(server, [])
        assert [answer.status for answer in client.answers] == [400, 200]
        assert len(stored(server, client.installation)) == 101


def test_the_largest_queue_is_taken_and_one_event_more_stays_refused(server: ServerProcess) -> None:
    installation = new_installation()
    events = fresh_events(5_001, installation)

    assert [server.post(encode(events)).body for _ in range(4)] == [TOO_MANY] * 4
    assert [server.post(encode(events[:5_000])).status for _ in range(3)] == [400, 200, 200]

    assert len(stored(server, installation)) == 5_000
    outcomes = scrape(server.data_dir).of("large_batches_total")
    assert outcomes["refused"] == 4
    warnings = [line for line in server.output if "raise batch_events_retry_max" in line]
    assert len(warnings) == 1
    assert "events=5001" in warnings[0]
    assert "127.0.0.1" not in warnings[0]


def test_a_body_that_differs_in_one_byte_is_another_one(server: ServerProcess) -> None:
    installation = new_installation()
    body = encode(fresh_events(101, installation))

    assert [server.post(sent).status for sent in (body, body + b" ", b" " + body, body)] == [400, 400, 400, 200]
    assert len(stored(server, installation)) == 101


def test_invalid_events_of_a_large_queue_keep_their_places_and_their_neighbours(server: ServerProcess) -> None:
    installation = new_installation()
    events: list[Any] = [*fresh_events(299, installation), {"type": "Not A Type"}]
    events[150] |= {"newer": 1}
    events[199] |= {"driftVersion": "a b"}
    events[0], events[100] = 7, None
    body = encode(events)

    answer = [server.post(body) for _ in range(2)][1]

    assert [(rejected["index"], rejected["code"]) for rejected in answer.json["rejected"]] == [
        (0, "not_an_object"), (100, "not_an_object"), (199, "version_invalid"), (299, "type_invalid"),
    ]  # fmt: skip
    assert answer.json["eventsProcessed"] == 296
    assert len(stored(server, installation)) == 296


@pytest.mark.parametrize(
    ("part", "code"),
    [
        (b'{"type":"x"},', "invalid_json"),
        (b"[],", "invalid_json"),
        (b"{},", "invalid_json"),
        (b"[", "invalid_json"),
        (b" ", "invalid_json"),
    ],
)
def test_four_megabytes_that_are_no_batch_are_refused_however_often(
    server: ServerProcess, part: bytes, code: str
) -> None:
    body = (b'{"events":[' + part * 4_194_304)[:4_194_304]
    for _ in range(2):
        answer = server.post(body)
        assert (answer.status, answer.json["code"]) == (400, code)


@pytest.mark.parametrize("item", [b"{}", b"[]", b"1", b'""'])
def test_four_megabytes_of_tiny_items_are_too_many_events_however_often(server: ServerProcess, item: bytes) -> None:
    body = b'{"events":[%b]}' % b",".join([item] * 1_000_000)

    assert [server.post(body).body for _ in range(3)] == [TOO_MANY] * 3


def test_a_client_that_opts_out_gets_the_same_answers_and_nothing_is_stored(server: ServerProcess) -> None:
    installation = new_installation()
    body = encode(fresh_events(101, installation))

    answers = [server.request("POST", "/v1/events", body, {"DNT": "1"}) for _ in range(2)]

    assert [answer.body for answer in answers] == [TOO_MANY, b'{"success":true,"eventsProcessed":101}']
    assert stored(server, installation) == []


def test_twenty_clients_with_large_queues_all_get_in_and_others_do_not_notice(server: ServerProcess) -> None:
    clients = [Client(new_installation(), pause_part=0.1) for _ in range(20)]
    for client in clients:
        client.run_command(None, fresh_events(400, client.installation))
    with ThreadPoolExecutor(21) as pool:
        small = pool.submit(lambda: [server.post(encode(fresh_events(1, new_installation()))) for _ in range(20)])
        for client, _ in zip(clients, pool.map(lambda client: client.run_command(server, []), clients), strict=True):
            while client.queue:
                client.run_command(server, [])
        assert {answer.status for answer in small.result()} == {200}

    assert {answer.status for client in clients for answer in client.answers} <= {200, 400, 503}
    assert [len(stored(server, client.installation)) for client in clients] == [400] * 20


def test_a_large_queue_costs_as_many_requests_as_it_has_batches(data_dir: Path) -> None:
    limit = ("--rate-limit-requests-per-minute", "1", "--rate-limit-burst", "60")
    with audited(data_dir, *limit) as server:
        first, second = (encode(fresh_events(2_000, new_installation())) for _ in range(2))
        # 1 + 20 requests, then 1, and there are not 20 of the rest of 38 when 20 more went elsewhere.
        assert [server.post(first).status for _ in range(2)] == [400, 200]
        assert [server.request("GET", "/v1/stats").status for _ in range(20)] == [200] * 20
        refused = [server.post(second) for _ in range(2)][1]

        assert (refused.status, refused.json["code"]) == (429, "rate_limited")
        assert 0 < int(refused.headers["Retry-After"]) < 7_200


@pytest.mark.parametrize("burst", [2, 3, 10])
def test_a_large_queue_gets_in_however_small_the_burst_is_and_is_paid_for_afterwards(
    data_dir: Path, burst: int
) -> None:
    with audited(data_dir, "--rate-limit-requests-per-minute", "1", "--rate-limit-burst", str(burst)) as server:
        body = encode(fresh_events(5_000, new_installation()))

        assert [server.post(body).status for _ in range(2)] == [400, 200]

        refused = server.post(encode(fresh_events(1, "unknown")))
        assert refused.status == 429
        assert int(refused.headers["Retry-After"]) > (50 - burst) * 60


def test_large_batches_that_never_come_again_cost_what_it_takes_to_look_at_them(data_dir: Path) -> None:
    with audited(data_dir, "--rate-limit-requests-per-minute", "1", "--rate-limit-burst", "60") as server:
        events = fresh_events(101, new_installation())
        # A megabyte counts as 16 more requests.
        bodies = [encode(events).ljust(1_048_576 + number) for number in range(4)]

        assert [server.post(body).status for body in bodies] == [400, 400, 400, 400]
        assert server.post(bodies[3]).status == 429
