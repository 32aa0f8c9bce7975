"""A recount counts events as the catalogue did that was there when they came."""

import sqlite3
from contextlib import closing
from pathlib import Path
from unittest import mock

from telemetry.catalogue.event import Event
from telemetry.catalogue.events import KNOWN_EVENTS, PatternSignature, UserAction, as_known_by
from telemetry.catalogue.logged import catalogue_version
from telemetry.counting.counters import Appended, Counters
from telemetry.errors import RejectionCode
from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from telemetry.storage.maintenance.examination import Examination
from tests.support.events import encode, installation_id, make_event, timestamp
from tests.support.examining import examined
from tests.support.oracle import read
from tests.support.service import HandClock, service

FIRST = {"pattern_signature", "aggregate_stats", "user_action", "scan_completion"}
COUNTED = "SELECT sum(occurrence_count) FROM signature_counts"
HOURS = "SELECT sum(hours) FROM action_aggregates"
LABELS = "SELECT sum(value) FROM daily_stats WHERE metric LIKE 'category:%'"


async def send(data_dir: Path, hand: HandClock, *, erase: bool = False) -> None:
    async with service(data_dir, hand) as started:
        for number in (1, 2):
            hand.pass_time(1)
            common = {"installationId": installation_id(number), "timestamp": timestamp(hand.now)}
            await started.service.accept(encode([make_event("pattern_signature", **common)]))
        if erase:
            await started.upkeep.eraser.erase(ErasureRequest(installation_id(1), ErasureKind.EXCLUDE))


def action(number: int, hand: HandClock, **changes: object) -> dict[str, object]:
    return make_event("user_action", installationId=installation_id(number), timestamp=timestamp(hand.now), **changes)


def errors(found: Examination) -> list[str]:
    return [one.sentence for one in found.findings if one.severity == "error"]


async def test_a_new_type_changes_no_day_that_was_counted_before_it_was_known(data_dir: Path) -> None:
    hand, add = HandClock(), Counters.add

    def add_as_before(counters: Counters, appended: Appended) -> None:
        events = [as_known_by(event, 1) for event in appended.events]
        add(counters, Appended(appended.day, appended.received_at, appended.ids, events))

    with (
        mock.patch.object(Counters, "add", add_as_before),
        mock.patch.object(PatternSignature, "since", 2),
        mock.patch("telemetry.storage.aggregates.database.catalogue_version", return_value=1),
    ):
        await send(data_dir, hand)
    assert read(data_dir / "telemetry.db", COUNTED) == [(None,)]
    with mock.patch.object(PatternSignature, "since", 2):
        assert catalogue_version() == 2
        for erase, counted in ((False, 2), (True, 2)):
            await send(data_dir, hand, erase=erase)
            found = await examined(data_dir, hand.clock)
            assert errors(found) == []
            assert read(data_dir / "telemetry.db", COUNTED) == read(data_dir / "telemetry.db", LABELS) == [(counted,)]


async def test_a_stricter_rule_refuses_new_events_and_counts_stored_ones_as_before(data_dir: Path) -> None:
    hand = HandClock()
    early = [action(number, hand, hoursSinceDiscovery=-5) for number in range(4)]
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(early))

    def misshapen(event: UserAction) -> RejectionCode | None:
        return RejectionCode.FIELD_INVALID if event.hours_since_discovery < 0 else Event.misshapen(event)

    with (
        mock.patch.object(UserAction, "misshapen", misshapen),
        mock.patch.object(UserAction, "are_well_shaped", lambda events: not any(map(misshapen, events))),
    ):
        hand.pass_time(1)
        async with service(data_dir, hand) as started:
            for batch in ([action(5, hand, hoursSinceDiscovery=-6)] * 4, [action(6, hand, hoursSinceDiscovery=7)]):
                await started.service.accept(encode(batch))
        assert errors(await examined(data_dir, hand.clock)) == []
    assert read(data_dir / "telemetry.db", HOURS) == [(4 * -5 + 7,)]


async def test_a_field_that_is_added_does_not_uncount_events_that_had_another_value_there(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as started:
        await started.service.accept(encode([action(1, hand, unknown=4)]))
    # As if the catalogue had not known `reason` yet when it was sent as a number.
    (path,) = (data_dir / "events").glob("*.db")
    with closing(sqlite3.connect(path)) as segment:
        segment.execute("UPDATE events SET payload = replace(payload, 'unknown', 'reason')")
        segment.commit()
    assert '"reason":4' in read(path, "SELECT payload FROM events")[0][0]
    assert errors(await examined(data_dir, hand.clock)) == []


def test_every_type_that_was_added_has_a_later_version() -> None:
    assert {name for name, known in KNOWN_EVENTS.items() if known.since == 1} == FIRST


async def test_an_overdue_review_of_an_event_type_is_a_note_and_no_more(data_dir: Path) -> None:
    hand = HandClock("2027-06-02T12:00:00")
    async with service(data_dir, hand):
        pass
    found = await examined(data_dir, hand.clock)
    noted = [one.sentence for one in found.findings if one.subject == "catalogue"]
    assert "the review of native_calls was due on 2027-06-01" in "".join(noted)
    assert not any("scan_completion" in one for one in noted)
    assert not found.failed
    assert not [one for one in (await examined(data_dir, HandClock().clock)).findings if one.subject == "catalogue"]
