"""Requests that ask not to be tracked: answered as all others are, and nothing of them is kept."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.admin import scrape
from tests.support.events import encode, make_event
from tests.support.http import (
    Connection,
    audited,
    exchange,
    fresh_events,
    new_installation,
    parse,
    post_request,
    stored,
)
from tests.support.server import ServerProcess
from tests.support.service import HandClock, service

OPT_OUTS = [{"DNT": "1"}, {"Sec-GPC": "1"}, {"dnt": " 1 "}, {"DNT": "0", "Sec-GPC": "1"}, {"DNT": "1", "Sec-GPC": "1"}]
NO_OPT_OUTS = [{"DNT": "0"}, {"DNT": ""}, {"DNT": "null"}, {"DNT": "11"}, {"Sec-GPC": "0"}, {"Sec-GPC": "?1"}]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with audited(tmp_path_factory.mktemp("opting-out") / "data", "--flush-interval-s", "0.1") as running:
        yield running


@pytest.mark.parametrize("headers", OPT_OUTS, ids=str)
def test_a_client_that_opts_out_gets_its_receipt_and_nothing_is_stored(
    server: ServerProcess, headers: dict[str, str]
) -> None:
    installation, before = new_installation(), scrape(server.data_dir).events()
    events = [*fresh_events(3, installation), {"type": "Not A Type"}]

    answer = server.request("POST", "/v1/events", encode(events), headers)

    assert (answer.status, answer.json["eventsProcessed"]) == (200, 3)
    assert [(rejected["index"], rejected["code"]) for rejected in answer.json["rejected"]] == [(3, "type_invalid")]
    assert stored(server, installation) == []
    after = scrape(server.data_dir).events()
    changed = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    assert changed == {"received": 4, "rejected": 1, "opted_out": 3}


@pytest.mark.parametrize("headers", NO_OPT_OUTS, ids=str)
def test_other_values_of_these_headers_opt_nobody_out(server: ServerProcess, headers: dict[str, str]) -> None:
    installation = new_installation()

    answer = server.request("POST", "/v1/events", encode(fresh_events(2, installation)), headers)

    assert answer.body == b'{"success":true,"eventsProcessed":2}'
    assert len(stored(server, installation)) == 2


def test_one_of_two_lines_is_enough_to_opt_out(server: ServerProcess) -> None:
    installation = new_installation()
    request = post_request(encode(fresh_events(2, installation)), "DNT: 0", "DNT: 1", "Connection: close")

    assert parse(exchange(server, request)).body == b'{"success":true,"eventsProcessed":2}'
    assert stored(server, installation) == []


def test_opting_out_holds_for_one_request_and_not_for_its_connection(server: ServerProcess) -> None:
    installation = new_installation()
    first, second = fresh_events(1, installation), fresh_events(1, installation)
    with Connection(server) as connection:
        connection.send(post_request(encode(first), "DNT: 1") + post_request(encode(second), "Connection: close"))
        assert connection.read().count(b'"eventsProcessed":1') == 2

    assert [event.timestamp for event in stored(server, installation)] == [second[0]["timestamp"]]


def test_a_request_that_opts_out_is_refused_as_others_are(server: ServerProcess) -> None:
    for body, status in ((b"{", 400), (b'{"events":1}', 400), (encode(fresh_events(101, "unknown")), 400)):
        assert server.request("POST", "/v1/events", body, {"DNT": "1"}).status == status


async def test_an_event_that_opted_out_does_not_make_a_later_one_a_duplicate(data_dir: Path) -> None:
    hand = HandClock()
    body = encode([make_event(timestamp="2026-11-23T11:00:00.000Z")])
    async with service(data_dir, hand) as running:
        for opted_out in (True, False, True, False):
            assert json.loads(await running.service.accept(body, opted_out=opted_out))["eventsProcessed"] == 1

        ledger = running.service.ledger
        assert (ledger.received, ledger.opted_out, ledger.accepted, ledger.duplicate) == (4, 2, 1, 1)
        assert ledger.unsettled == 0
