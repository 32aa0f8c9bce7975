"""Batches of version 2 of the tool: the same log, duplicates, limits and receipts as those of version 1."""

import json
from pathlib import Path
from typing import Any

import pytest

from telemetry.catalogue.wire import Wire
from telemetry.errors import ErrorCode, Refusal
from telemetry.intake.ledger import LargeBatch
from tests.support import oracle
from tests.support.events import Fields, encode, make_event, timestamp
from tests.support.events_v2 import encode_bare, make_event_v2
from tests.support.server import HIGH_RATE_LIMIT, serving
from tests.support.service import HandClock, service


def events_of(hand: HandClock, count: int, **changes: Any) -> list[Fields]:
    """Return events of 100 to a second; all of a second are alike."""
    now = int(hand.now.timestamp())
    return [make_event_v2(timestamp=now - number // 100, **changes) for number in range(count)]


async def test_a_thousand_events_are_one_batch_and_each_copy_is_stored_once(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as running:
        body = encode_bare(events_of(hand, 1_000))
        for _ in range(2):
            assert json.loads(await running.service.accept(body, wire=Wire.V2))["eventsProcessed"] == 1_000
        assert running.service.ledger.duplicate == 1_000
        assert running.service.ledger.unsettled == 0
    async with service(data_dir, hand) as running:
        overlapping = encode(events_of(hand, 1_000)[50:])
        await running.service.accept(overlapping, wire=Wire.V2)
        assert running.service.ledger.duplicate == 950
    assert len(oracle.check(data_dir)) == 1_000


async def test_more_events_are_taken_when_the_same_body_comes_again(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand, batch_events_v2_max=150, batch_events_retry_max=400) as running:
        await running.service.accept(encode_bare(events_of(hand, 150)), wire=Wire.V2)
        body = encode_bare(events_of(hand, 151))
        with pytest.raises(Refusal, match="max 150"):
            await running.service.accept(body, wire=Wire.V2)
        await running.service.accept(body, wire=Wire.V2)
        with pytest.raises(Refusal) as refused:
            await running.service.accept(encode_bare(events_of(hand, 401)), wire=Wire.V2)
        assert refused.value.code is ErrorCode.TOO_MANY_EVENTS
        # The first version keeps its limit.
        with pytest.raises(Refusal, match="max 100"):
            await running.service.accept(encode([make_event(timestamp=timestamp(hand.now))] * 101))
        assert running.service.ledger.large_batches == {
            LargeBatch.DEFERRED: 2, LargeBatch.TAKEN: 1, LargeBatch.REFUSED: 1,
        }  # fmt: skip
    assert len(oracle.check(data_dir)) == 151


async def test_ids_are_hashed_and_excluded_ones_are_dropped_as_in_version_1(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as running:
        await running.service.accept(encode_bare(events_of(hand, 2, anonymous_id="johns-laptop")), wire=Wire.V2)
        await running.service.accept(encode_bare(events_of(hand, 3)), wire=Wire.V2, opted_out=True)
        assert running.service.ledger.opted_out == 3
    assert {event.installation_id[:3] for event in oracle.check(data_dir)} == {"h1_"}


@pytest.mark.case(1)
def test_what_was_answered_survives_a_kill_and_is_not_stored_again(data_dir: Path) -> None:
    events = [make_event_v2(), *[make_event_v2("cli_command", properties={"command": "scan"})] * 3, 7] * 60
    bare, wrapped = encode_bare(events), encode(events[:4])
    with serving(data_dir, "--flush-interval-s", "3600", *HIGH_RATE_LIMIT) as server:
        answer = server.request("POST", "/v2/events", bare, {"Content-Type": "application/json"})
        server.kill()
    assert (answer.status, answer.json["eventsProcessed"], len(answer.json["rejected"])) == (200, 240, 60)
    assert answer.json["rejected"][0]["error"] == "Not an event: send a JSON object with an event_type"
    with serving(data_dir, *HIGH_RATE_LIMIT) as server:
        again = [server.request("POST", "/v2/events", body) for body in (bare, wrapped)]
        assert again[0].body == answer.body
        assert again[1].body == b'{"success":true,"eventsProcessed":4}'
        assert server.request("GET", "/v2/events").headers["Allow"] == "POST"
        assert server.request("POST", "/v2/events", b'{"events":[]}').body == b'{"success":true,"eventsProcessed":0}'
        assert server.request("POST", "/v2/events", b"{").json["code"] == "invalid_json"
        assert server.request("POST", "/v1/events", bare).json["code"] == "events_required"
        assert server.stop() == 0
    assert len(oracle.check(data_dir)) == 240
