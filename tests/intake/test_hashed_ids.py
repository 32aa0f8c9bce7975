"""Installation ids that could name somebody never reach the disk, and whom they name can be erased all the same."""

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from telemetry.catalogue.stored_ids import IdKey
from telemetry.running import Running
from telemetry.storage.erasure.exclusions import hashed
from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from tests.storage.erasure.test_erasing import files_with
from tests.support import oracle
from tests.support.backups import backup
from tests.support.commands import run, succeed
from tests.support.events import Fields, Traffic, encode, installation_id, make_event, timestamp
from tests.support.old_worker import make_old_database, old_event
from tests.support.processes import COMMAND
from tests.support.segments import pass_a_day, sealed_days
from tests.support.server import serving
from tests.support.service import HandClock, service

HOST = "johns-macbook-pro"
REVEALING = (HOST, "a4bb6dd1e2f3", "2c1e6f3e-9b1a-11ef-8d4b-a4bb6dd1e2f3", "h1_0123456789abcdef0123456789abcdef")
START = "2026-11-20T12:00:00"


def sent_by(sender: str, events: list[Fields]) -> list[Fields]:
    return [event | {"installationId": sender} for event in events]


async def send(started: Running, hand: HandClock, seed: int, sender: str) -> None:
    await started.service.accept(encode(sent_by(sender, Traffic(seed=seed, moment=hand.now).batch(12))))


@contextmanager
def older_program(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Store ids as they are sent, as was done before they were hashed."""
    with monkeypatch.context() as patch:
        patch.setattr(IdKey, "stored", lambda _key, sent: sent)
        yield


def test_no_file_backup_or_line_of_the_log_holds_what_could_name_somebody(data_dir: Path, backups: Path) -> None:
    output: list[str] = []
    for number in range(2):
        with serving(data_dir, "--flush-interval-s", "0.2") as server:
            for sender in REVEALING:
                events = sent_by(sender, Traffic(seed=number).batch(4))
                # Each way into the log: known, with an unknown field, of an unknown type; and two that do not get in.
                events += [
                    make_event(installationId=sender, durationMs=number, extra=1),
                    make_event("new_type", installationId=sender, value=number),
                    make_event(installationId=sender, category="@@"),
                    make_event(installationId=sender, timestamp=timestamp(days=9)),
                ]
                assert server.post(encode(events)).json["eventsProcessed"] == 6
            backup(data_dir, backups)
            server.kill()
        output += server.output
    with serving(data_dir) as server:
        assert server.stop() == 0

    stored = {event.installation_id for event in oracle.check(data_dir)}
    assert stored == {oracle.stored_id(data_dir, sender) for sender in REVEALING}
    for text in (*REVEALING, hashed(HOST)):
        assert files_with(data_dir, text) == files_with(backups, text) == []
        assert text not in "\n".join([*output, *server.output])
    (counted,) = {value for (value,) in oracle.read(data_dir / "telemetry.db", "SELECT count(*) FROM installations")}
    assert counted == len(REVEALING)


@pytest.mark.parametrize("given", ["as it is sent", "as it is stored", "on standard input"])
@pytest.mark.parametrize("kind", ["forget", "exclude"])
def test_an_installation_is_erased_by_its_id_or_what_it_is_stored_as(data_dir: Path, kind: str, given: str) -> None:
    with serving(data_dir) as server:
        server.post(encode(sent_by(HOST, Traffic(seed=1).batch(20))))
        server.post(encode(Traffic(seed=2).batch(20)))
        stored = oracle.stored_id(data_dir, HOST)
        assert files_with(data_dir, stored) != []
        argument = {"as it is sent": HOST, "as it is stored": stored, "on standard input": "-"}[given]
        ended = subprocess.run(
            [COMMAND, kind, argument, "--json", "--data-dir", data_dir],
            input=f"{HOST}\n", capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert sum(json.loads(ended.stdout)["events"].values()) == 20
        assert files_with(data_dir, stored) == files_with(data_dir, HOST) == []
        server.post(encode(sent_by(HOST, Traffic(seed=3).batch(5))))
        assert server.stop() == 0

    expected = {stored} if kind == "forget" else set()
    assert {event.installation_id for event in oracle.raw_events(data_dir)} & {stored, HOST} == expected
    assert hashed(HOST) not in str(oracle.read(data_dir / "telemetry.db", "SELECT * FROM erasures"))


@pytest.mark.parametrize("kind", [ErasureKind.FORGET, ErasureKind.EXCLUDE])
@pytest.mark.parametrize("by_stored_form", [True, False])
async def test_both_forms_of_an_id_go_when_events_were_stored_before_ids_were_hashed(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, kind: ErasureKind, by_stored_form: bool
) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand) as started:
        for day in range(3):
            # On the second day both forms are stored.
            if day <= 1:
                with older_program(monkeypatch):
                    await send(started, hand, day, HOST)
            if day >= 1:
                await send(started, hand, day + 10, HOST)
            await send(started, hand, day + 20, installation_id(day))
            await pass_a_day(started, hand, Traffic(seed=day + 50, moment=hand.now))
            await started.upkeep.sealer.check()
        await started.publisher.flush()
        assert len(sealed_days(data_dir)) == 3
        stored = oracle.stored_id(data_dir, HOST)
        theirs = [event for event in oracle.check(data_dir) if event.installation_id in {HOST, stored}]
        assert len({(event.day, event.installation_id) for event in theirs}) == 4
        request = ErasureRequest(stored if by_stored_form else HOST, kind, dry_run=True)
        planned = await started.upkeep.eraser.erase(request)
        erased = await started.upkeep.eraser.erase(ErasureRequest(request.installation, kind))

        assert sum(erased.events.values()) == len(theirs)
        assert erased.events == planned.events
        assert files_with(data_dir, HOST) == files_with(data_dir, stored) == []
    oracle.check(data_dir, forgotten=theirs if kind is ErasureKind.FORGET else (), erased=True)
    async with service(data_dir, hand) as started:
        await send(started, hand, 99, HOST)
        await started.publisher.flush()
        assert (files_with(data_dir, stored) == []) == (kind is ErasureKind.EXCLUDE)


async def test_an_erasure_that_was_interrupted_is_finished_for_both_forms(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand) as started:
        with older_program(monkeypatch):
            await started.service.accept(encode(sent_by(HOST, Traffic(moment=hand.now).batch(9))))
        await started.service.accept(encode(sent_by(HOST, Traffic(seed=2, moment=hand.now).batch(9))))
        await started.service.accept(encode(Traffic(seed=3, moment=hand.now).batch(9)))
    stored = oracle.stored_id(data_dir, HOST)
    with closing(sqlite3.connect(data_dir / "telemetry.db")) as aggregates, aggregates:
        erasure = (hashed(stored), "exclude", "2026-11-20 12:00:00")
        aggregates.execute("INSERT INTO erasures VALUES (?, ?, ?, NULL, NULL)", erasure)
    async with service(data_dir, hand) as started:
        await started.upkeep.eraser.resume()
        assert files_with(data_dir, HOST) == files_with(data_dir, stored) == []
    oracle.check(data_dir, erased=True)


@pytest.mark.parametrize("later_s", [60, 3_600])
async def test_what_was_stored_before_ids_were_hashed_is_recognised_when_it_is_sent_again(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, later_s: int
) -> None:
    hand = HandClock(START)
    body = encode(sent_by(HOST, Traffic(moment=hand.now).batch(9)))
    async with service(data_dir, hand) as started:
        with older_program(monkeypatch):
            await started.service.accept(body)

    hand.pass_time(later_s)
    async with service(data_dir, hand) as started:
        await started.service.accept(body)

    assert len(oracle.check(data_dir)) == 9


async def test_who_was_excluded_before_ids_were_hashed_stays_excluded(data_dir: Path, tmp_path: Path) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand):
        pass
    with closing(sqlite3.connect(data_dir / "telemetry.db")) as aggregates, aggregates:
        erasure = (hashed(HOST), "exclude", *["2026-11-20 12:00:00"] * 3)
        aggregates.execute("INSERT INTO erasures VALUES (?, ?, ?, ?, ?)", erasure)
    async with service(data_dir, hand) as started:
        receipt = await started.service.accept(encode(sent_by(HOST, Traffic(moment=hand.now).batch(9))))
        assert b'"eventsProcessed":9' in receipt
    assert oracle.check(data_dir) == []
    old = make_old_database(tmp_path / "old.db", [old_event(1, "2026-11-20 12:00:00", installation=HOST)])
    imported = json.loads(succeed("import", "d1", old, "--json", "--data-dir", data_dir))
    assert imported["refused"] == {"excluded": 1}


def test_an_import_hashes_ids_once_and_can_be_repeated(data_dir: Path, tmp_path: Path) -> None:
    senders = [HOST, HOST, installation_id(1), "unknown", "h1_0123"]
    rows = [old_event(number, "2026-11-20 12:00:00", installation=sent) for number, sent in enumerate(senders, 1)]
    old = make_old_database(tmp_path / "old.db", rows)

    planned = json.loads(succeed("import", "d1", old, "--json", "--dry-run", "--data-dir", data_dir))
    imported = [json.loads(succeed("import", "d1", old, "--json", "--data-dir", data_dir)) for _ in range(2)]

    assert planned["events"] == imported[0]["events"] == {"kept": 2, "mapped": 3, "refused": 0, "added": 5}
    assert imported[1]["events"]["added"] == 0
    stored = [event.installation_id for event in oracle.check(data_dir)]
    expected = [oracle.stored_id(data_dir, sent) for sent in (HOST, HOST, "h1_0123")]
    assert stored == [*expected[:2], installation_id(1), "unknown", expected[2]]
    assert files_with(data_dir, HOST) == []


def test_an_import_adds_nothing_that_was_stored_before_ids_were_hashed(data_dir: Path, tmp_path: Path) -> None:
    rows = [old_event(number, "2026-11-20 12:00:00", installation=HOST) for number in (1, 2)]
    old = make_old_database(tmp_path / "old.db", rows)
    succeed("import", "d1", old, "--data-dir", data_dir)
    with closing(sqlite3.connect(data_dir / "events" / "2026-11-20.db")) as segment, segment:
        segment.execute("UPDATE events SET installation_id = ?", (HOST,))

    again = json.loads(succeed("import", "d1", old, "--json", "--data-dir", data_dir))

    assert again["events"]["added"] == 0


def test_a_segment_of_this_service_is_imported_with_its_hashes_as_they_are(data_dir: Path, tmp_path: Path) -> None:
    old = make_old_database(tmp_path / "old.db", [old_event(1, "2026-11-20 12:00:00", installation=HOST)])
    succeed("import", "d1", old, "--data-dir", data_dir)
    segment = data_dir / "events" / "2026-11-20.db"

    again = json.loads(succeed("import", "d1", segment, "--json", "--data-dir", data_dir))
    assert (again["events"]["kept"], again["events"]["added"]) == (1, 0)
    elsewhere = tmp_path / "elsewhere"
    succeed("import", "d1", segment, "--data-dir", elsewhere)
    assert [event.installation_id for event in oracle.check(elsewhere)] == [oracle.stored_id(data_dir, HOST)]


@pytest.mark.parametrize("held", ["", "\n", "unknown\n", "me@example.org\n"])
def test_standard_input_that_holds_no_id_is_a_clear_error(data_dir: Path, held: str) -> None:
    command = f"forget - --data-dir {data_dir}".split()
    failed = subprocess.run([COMMAND, *command], input=held, capture_output=True, text=True, check=False)

    assert failed.returncode == 2
    assert "what standard input holds is not the id of an installation" in failed.stderr
    assert run("forget", "me@example.org", "--data-dir", data_dir).returncode == 2
