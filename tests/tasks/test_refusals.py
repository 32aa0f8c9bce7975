"""What is rejected or refused is told to the operator: in the log, and by ``telemetry check``."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from telemetry.catalogue.versions import version_number
from telemetry.errors import Refusal
from telemetry.intake.ledger import VERSIONS_MAX, Ledger
from telemetry.running import Running
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.maintenance.refusal_record import RefusalRecord, Refusals
from telemetry.tasks.refusal_watch import RefusalWatch
from tests.support import commands
from tests.support.events import Fields, encode, make_event, timestamp
from tests.support.http import audited, eventually, fresh_events, new_installation
from tests.support.server import ServerProcess
from tests.support.service import HandClock, service

DAY_S = 86_400.0


def findings(data_dir: Path) -> dict[str, str]:
    """Return what ``telemetry check`` says, by subject, notes and warnings alike."""
    checked = json.loads(commands.succeed("check", "--json", "--data-dir", data_dir))
    return {found["subject"]: found["sentence"] for found in checked["findings"]}


def events_of(hand: HandClock, valid: int, invalid: int, version: str = "0.9.60") -> list[Fields]:
    made = [make_event(timestamp=timestamp(hand.now, milliseconds=-number)) for number in range(valid)]
    return made + [make_event(durationMs="long", timestamp=timestamp(hand.now), driftVersion=version)] * invalid


def warnings(caplog: pytest.LogCaptureFixture) -> list[Any]:
    return [record for record in caplog.records if "events are rejected" in record.message]


def watch_of(running: Running, data_dir: Path, hand: HandClock) -> RefusalWatch:
    return RefusalWatch(running.service.ledger, DataDirectory(data_dir), hand.clock)


def test_a_version_whose_events_are_all_rejected_is_in_the_log_and_found_by_check(data_dir: Path) -> None:
    installation = new_installation()
    broken = [event | {"driftVersion": "0.9.60-rc.1", "durationMs": "long"} for event in fresh_events(3, installation)]
    with audited(data_dir) as server:
        server.post(encode(fresh_events(5, new_installation()) + broken))
        eventually(lambda: bool(lines(server)))
        sentence = findings(data_dir)["rejections"]
    (line,) = lines(server)

    assert "code=field_invalid  version=0.9.60  events=3  share=0.375" in line
    assert installation not in "".join(server.output)
    assert sentence.startswith("3 of 8 events of the last day were rejected (field_invalid 3)")
    assert stat.S_IMODE((data_dir / "refusals.json").stat().st_mode) == 0o600
    assert findings(data_dir)["rejections"] == sentence


def lines(server: ServerProcess) -> list[str]:
    return [line for line in server.output if "events are rejected" in line]


def test_check_names_the_setting_to_raise_for_what_was_refused_for_its_size(data_dir: Path) -> None:
    limits = ("--batch-events-max", "10", "--batch-events-retry-max", "20", "--body-bytes-max", "100000")
    with audited(data_dir, *limits) as server:
        for count in (11, 21, 25):
            assert server.post(encode(fresh_events(count, new_installation()))).status == 400
        assert server.post(b" " * 100_001).status == 413
    found = findings(data_dir)

    assert "rejections" not in found
    assert "1 body of the last day" in found["refused bodies"]
    assert "raise body_bytes_max" in found["refused bodies"]
    assert "2 batches of the last day, the largest of 25 events, were refused" in found["refused batches"]
    assert "raise batch_events_retry_max" in found["refused batches"]
    assert found["deferred batches"].startswith("1 batch of the last day was refused for the size until")
    assert "raise batch_events_max" in found["deferred batches"]
    assert any("raise body_bytes_max" in line for line in server.output)


def test_nothing_is_recorded_while_nothing_is_rejected(data_dir: Path) -> None:
    with audited(data_dir) as server:
        server.post(encode(fresh_events(5, new_installation())))

    assert not (data_dir / "refusals.json").exists()
    assert not {"rejections", "refused batches", "refused bodies"} & findings(data_dir).keys()


async def test_the_log_tells_of_a_single_event_among_many(data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    hand = HandClock()
    async with service(data_dir, hand, batch_events_max=1_000) as running:
        watch = watch_of(running, data_dir, hand)
        await running.service.accept(encode(events_of(hand, 999, 1)))
        await watch.check()

    (warning,) = warnings(caplog)
    assert (warning.version, warning.events, warning.share, warning.received) == ("0.9.60", 1, 0.001, 1_000)


@pytest.mark.parametrize(("received", "rejected", "too_many"), [(99, 1, True), (100, 1, False), (0, 0, False)])
def test_check_reports_more_than_one_rejected_event_in_a_hundred(received: int, rejected: int, too_many: bool) -> None:
    refusals = Refusals(received=received, rejected={"field_invalid": rejected})

    assert refusals.reject_too_many == too_many


async def test_the_log_tells_once_a_minute_of_most_of_what_was_rejected_since(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as running:
        watch = watch_of(running, data_dir, hand)
        for seconds in range(0, 120, 5):
            version = "0.9.60" if seconds else "0.0.1"
            await running.service.accept(encode([*events_of(hand, 0, 2, version), {"type": "Not A Type"}, 7]))
            await watch.check()
            hand.pass_time(5)

    first, second = warnings(caplog)
    assert (first.code, first.version, first.events, first.rejected) == ("field_invalid", "0.0.1", 2, 4)
    assert (second.version, second.events, second.rejected, second.share) == ("0.9.60", 26, 52, 0.5)


async def test_what_a_client_sends_that_opted_out_is_not_recorded(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as running:
        await running.service.accept(encode(events_of(hand, 1, 3)), opted_out=True)

    assert not warnings(caplog)
    assert not (data_dir / "refusals.json").exists()


async def test_the_record_survives_restarts_and_ends_after_a_day(data_dir: Path) -> None:
    hand = HandClock()
    for _ in range(2):
        async with service(data_dir, hand) as running:
            await running.service.accept(encode(events_of(hand, 1, 3)))
        hand.pass_time(3_600)
    record = RefusalRecord.read(data_dir / "refusals.json")

    assert record.last_day(hand.clock.now()).rejected == {"field_invalid": 6}
    assert record.last_day(hand.clock.now() + DAY_S - 3_600).rejected == {"field_invalid": 3}
    assert record.last_day(hand.clock.now() + DAY_S + 3_600) == Refusals()
    assert record.last_day(hand.clock.now() - DAY_S) == Refusals()


def test_the_record_holds_a_day_whatever_the_clock_does() -> None:
    record = RefusalRecord()
    for hours in [*range(100), 50, 10_000, *range(60)]:
        record.add(Refusals(received=1, rejected={"field_invalid": 1}), hours * 3_600.0)
        assert len(record._hours) <= 25
    assert record.last_day(59 * 3_600.0).received == 25


async def test_a_damaged_record_is_named_and_begins_again(data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as running:
        await running.service.accept(encode(events_of(hand, 1, 0)))
    (data_dir / "refusals.json").write_text("[")
    (data_dir / "refusals.json").chmod(0o600)
    assert "remove it" in findings(data_dir)["refusals.json"]

    async with service(data_dir, hand) as running:
        assert "the record of refusals begins again" in caplog.text
        await running.service.accept(encode(events_of(hand, 1, 3)))
    assert RefusalRecord.read(data_dir / "refusals.json").last_day(hand.clock.now()).rejected == {"field_invalid": 3}


async def test_a_record_that_cannot_be_written_costs_nothing_else(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as running:
        (data_dir / "refusals.json.new").mkdir()
        await running.service.accept(encode(events_of(hand, 1, 3)))
        with pytest.raises(Refusal):
            await running.service.accept(b"{")
    (data_dir / "refusals.json.new").rmdir()


def test_at_most_some_sixty_versions_are_remembered_and_all_events_counted() -> None:
    ledger = Ledger()
    codes = ["field_invalid", "version_invalid"]
    ledger.note_versions((codes[number % 2], f"0.{number}.0") for number in range(1_000))  # type: ignore[misc]

    taken = ledger.take_rejected_versions()
    assert len(taken) == VERSIONS_MAX + len(codes)
    assert taken.total() == 1_000
    assert not ledger.take_rejected_versions()


@pytest.mark.parametrize(
    ("version", "shown"),
    [
        ("0.9.48", "0.9.48"),
        ("v2", "v2"),
        ("1.2.3-rc.1", "1.2.3"),
        ("1.2.3rc1", "1.2.3"),
        ("1.2.3.dev4", "1.2.3"),
        ("1.2.3.4", "1.2.3.4"),
        ("0.9.1-johns-macbook", "0.9.1"),
        ("0.9.1-johns-macbook.local", ""),
        ("192.168.0.17", ""),
        ("unknown", ""),
        ("5387623e-62a8-468c-9fbe-92f1c6a8b775", ""),
        ("123456", ""),
        ("1.2.3\n", ""),
        ("", ""),
        (None, ""),
        (7, ""),
    ],
)
def test_a_log_shows_the_numbers_of_a_version_and_nothing_else(version: object, shown: str) -> None:
    assert version_number(version) == shown
