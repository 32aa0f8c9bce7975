"""Check finds what is wrong and says what to do; repair makes the numbers those of the raw events."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from telemetry.operator_errors import ConflictError
from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from telemetry.storage.maintenance import examination
from telemetry.storage.maintenance.examination import Examination, compare
from tests.support import oracle
from tests.support.commands import run, succeed
from tests.support.events import Traffic, encode, installation_id, make_event, timestamp
from tests.support.examining import examined
from tests.support.faults import crash_image
from tests.support.http import eventually
from tests.support.load import Ledger, load
from tests.support.server import serving
from tests.support.service import HandClock, service

DAYS = ["2026-11-20", "2026-11-21", "2026-11-22"]


async def live(data_dir: Path, *, days: int = 3, **changes: Any) -> HandClock:
    """Run a service for some days; return its clock."""
    hand = HandClock(f"{DAYS[0]}T12:00:00")
    traffic = Traffic(installations=8, moment=hand.now)
    for number in range(days):
        hand.jump(86_400 if number else 0)
        async with service(data_dir, hand, **changes) as started:
            for _ in range(6):
                await started.service.accept(encode(traffic.batch(5)))
    return hand


def errors(found: Examination) -> list[str]:
    return [finding.subject for finding in found.findings if finding.severity == "error"]


def change(data_dir: Path, *statements: str, file: str = "telemetry.db") -> None:
    with closing(sqlite3.connect(data_dir / file)) as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount != 0, statement
        connection.commit()


def check_json(data_dir: Path) -> tuple[int, Any]:
    ended = run("check", "--json", "--data-dir", data_dir)
    return ended.returncode, json.loads(ended.stdout)


def test_a_busy_service_is_found_well(data_dir: Path) -> None:
    ledger = Ledger()
    with serving(data_dir, "--flush-interval-s", "0.1") as server, load(server, ledger, seed=1):
        # Before the first flush there is nothing to recount.
        eventually(lambda: bool(oracle.read(data_dir / "telemetry.db", "SELECT 1 FROM daily_stats LIMIT 1")))
        code, found = check_json(data_dir)
        again = check_json(data_dir)[0]
    assert (code, again, found["ok"], found["differences"]) == (0, 0, True, [])
    assert found["days_recounted"]


def test_an_empty_directory_and_one_that_is_not_there_have_no_data(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        refused = run("check", "--data-dir", path)
        assert refused.returncode == 66
        assert "holds no data" in refused.stderr
    succeed("repair", "--data-dir", tmp_path / "nothing")
    succeed("check", "--data-dir", tmp_path / "nothing")


WRONG = {
    "a wrong count": ["UPDATE daily_stats SET value = value + 1 WHERE metric = 'version:0.9.1'"],
    "a lost metric": ["DELETE FROM daily_stats WHERE metric = 'events:user_action'"],
    "an invented metric": ["INSERT INTO daily_stats VALUES ('2026-11-21', 'category:invented', 4)"],
    "a wrong sum": ["UPDATE counted_signatures SET locations = locations + 1"],
    "a wrong label": ["UPDATE signature_labels SET category = category || '-wrong'"],
    "a lost signature": ["DELETE FROM counted_signatures"],
    "an invented decision": ["INSERT INTO action_aggregates VALUES ('api', 'approve', 'none', 1, 1, '2026', 0)"],
    "a wrong decision": ["UPDATE action_aggregates SET hours = hours - 1"],
    "a wrong first day": ["UPDATE installations SET first_seen = '2026-11-22'"],
    "an invented installation": ["INSERT INTO installations VALUES ('nobody', '2026-11-21', '2026-11-21', 1)"],
    "lost installations": ["DELETE FROM installations"],
}


async def test_wrong_numbers_are_found_and_repaired_exactly(data_dir: Path, tmp_path: Path) -> None:
    hand = await live(data_dir)
    for name, statements in WRONG.items():
        image = crash_image(data_dir, tmp_path / name.replace(" ", "-"))
        change(image, *statements)
        table = statements[0].split()[1 if statements[0].startswith("UPDATE") else 2]
        table = "signature_counts" if table.endswith(("_signatures", "_labels")) else table
        # How many installations were last seen on a day is counted beside them.
        more = ["last_seen_days"] if name in {"an invented installation", "lost installations"} else []
        assert errors(await examined(image, hand.clock, full=True)) == [table, *more], name

    image = crash_image(data_dir, tmp_path / "all")
    for name, statements in WRONG.items():
        if name not in {"a lost signature", "lost installations"}:
            change(image, *statements)
    dry = succeed("repair", "--dry-run", "--data-dir", image)
    assert errors(await examined(image, hand.clock, full=True))
    printed = succeed("repair", "--data-dir", image)
    assert printed == dry.replace("would be ", "")
    assert "daily_stats 2026-11-21 category:invented: 4 -> no row" in printed
    oracle.check(image)
    async with service(image, hand) as started:
        await started.service.accept(encode(Traffic(seed=5, moment=hand.now).batch(5)))
    oracle.check(image)


async def test_all_aggregates_lost_but_the_watermarks_are_rebuilt(data_dir: Path) -> None:
    await live(data_dir, daily_labels_max=8)
    change(data_dir, *(f"DELETE FROM {table}" for table in ("daily_stats", "counted_signatures", "action_aggregates")))
    change(data_dir, "DELETE FROM installations")

    succeed("repair", "--data-dir", data_dir, "--flush-keys-max", "10", "--daily-labels-max", "8")

    oracle.check(data_dir, labels_max=8)


async def test_days_past_retention_keep_their_numbers_and_only_what_can_be_known_is_repaired(data_dir: Path) -> None:
    hand = await live(data_dir)
    aggregates = data_dir / "telemetry.db"
    tables = ("daily_stats", "signature_counts", "action_aggregates", "installations")
    before = {table: oracle.read(aggregates, f"SELECT * FROM {table}") for table in tables}
    change(data_dir, f"UPDATE segments SET retired_at = '{DAYS[-1]} 00:00:00' WHERE day = '{DAYS[0]}'")
    (data_dir / "events" / f"{DAYS[0]}.db").unlink()

    found = await examined(data_dir, hand.clock, full=True)
    assert not errors(found)
    assert found.recounted is not None
    assert (found.recounted.recount.past_days, found.recounted.recount.whole_days) == (DAYS[:1], DAYS[1:])
    change(
        data_dir,
        f"UPDATE daily_stats SET value = value + 1 WHERE date = '{DAYS[1]}'",
        "UPDATE counted_signatures SET occurrence_count = 0, locations = 0",
        "UPDATE action_aggregates SET count = 0",
        f"UPDATE installations SET last_seen = '{DAYS[0]}' WHERE last_seen > '{DAYS[0]}'",
    )
    assert errors(await examined(data_dir, hand.clock, full=True)) == [*tables, "last_seen_days"]
    succeed("repair", "--data-dir", data_dir)

    assert not errors(await examined(data_dir, hand.clock, full=True))
    for table in ("daily_stats", "installations"):
        columns = "*" if table == "daily_stats" else "installation_id, first_seen, last_seen"
        rows = oracle.read(aggregates, f"SELECT {columns} FROM {table}")
        assert rows == [row[: len(rows[0])] for row in before[table]]
    raw = [event for event in oracle.raw_events(data_dir) if event.type == "pattern_signature"]
    ((counted,),) = oracle.read(aggregates, "SELECT sum(occurrence_count) FROM pattern_signatures")
    assert counted == len(raw)


async def test_a_segment_that_lost_events_is_named_and_its_day_is_left_alone(data_dir: Path) -> None:
    hand = await live(data_dir)
    change(data_dir, "DELETE FROM events WHERE id > 25", file=f"events/{DAYS[1]}.db")
    before = oracle.read(data_dir / "telemetry.db", f"SELECT * FROM daily_stats WHERE date = '{DAYS[1]}'")

    found = await examined(data_dir, hand.clock, full=True)
    assert errors(found) == [f"{DAYS[1]}.db"]
    assert "has lost 5 events" in found.findings[0].sentence
    assert "left as it is" in succeed("repair", "--data-dir", data_dir)
    assert oracle.read(data_dir / "telemetry.db", f"SELECT * FROM daily_stats WHERE date = '{DAYS[1]}'") == before


@pytest.mark.parametrize("name", ["telemetry.db", f"events/{DAYS[1]}.db"])
async def test_a_damaged_file_is_named_and_left_as_it_is(data_dir: Path, name: str) -> None:
    hand = await live(data_dir)
    content = bytearray((data_dir / name).read_bytes())
    content[16_384 * 2 : 16_384 * 3] = b"\xff" * 16_384
    (data_dir / name).write_bytes(content)

    found = await examined(data_dir, hand.clock, full=True)
    assert errors(found) == [Path(name).name]
    assert "restore it from a backup" in found.findings[0].sentence
    repaired = run("repair", "--data-dir", data_dir)
    assert repaired.returncode == (65 if name == "telemetry.db" else 0)
    assert f"{Path(name).name}" in repaired.stdout + repaired.stderr
    assert (data_dir / name).read_bytes() == content


async def test_events_after_the_watermark_are_no_difference(data_dir: Path, tmp_path: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(Traffic(moment=hand.now).batch(5)))
        await started.publisher.flush()
        await started.service.accept(encode(Traffic(seed=2, moment=hand.now).batch(4)))
        image = crash_image(data_dir, tmp_path / "image")

    found = await examined(image, hand.clock, full=True)
    assert not errors(found)
    assert "4 events not counted yet" in "".join(finding.sentence for finding in found.findings)
    succeed("repair", "--data-dir", image)
    async with service(image, hand):
        pass
    assert len(oracle.check(image)) == 9


async def test_labels_counted_under_another_bound_are_no_difference(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand, daily_labels_max=8) as started:
        for number in range(12):
            event = make_event("pattern_signature", category=f"category-{number}", timestamp=timestamp(hand.now))
            await started.service.accept(encode([event]))

    for bound in (8, 10, 1_000):
        assert not errors(await examined(data_dir, hand.clock, full=True, daily_labels_max=bound)), bound


async def test_modes_the_clock_and_a_missing_file_are_looked_at(data_dir: Path) -> None:
    hand = await live(data_dir)
    (data_dir / "events").chmod(0o755)
    (data_dir / "events" / f"{DAYS[0]}.db").chmod(0o400)
    (data_dir / "telemetry.db").chmod(0o644)
    hand.jump(-86_400 * 2)

    found = await examined(data_dir, hand.clock, full=True)
    assert {"events", "telemetry.db"} <= set(errors(found))
    assert f"events/{DAYS[0]}.db" not in errors(found)
    sentences = " ".join(finding.sentence for finding in found.findings)
    assert f"run `chmod 600 {data_dir}/telemetry.db`" in sentences
    assert "set the clock, as with `timedatectl set-ntp true`" in sentences
    assert f"{DAYS[2]}.db" not in errors(found)
    (data_dir / "telemetry.db").unlink()
    code, document = check_json(data_dir)
    assert code == 1
    assert [finding["subject"] for finding in document["findings"] if "is missing" in finding["sentence"]]


async def test_newer_schemas_foreign_owners_and_events_of_another_day_are_named(data_dir: Path) -> None:
    hand = await live(data_dir)
    (data_dir / "events" / "2026-11-19.db").touch(mode=0o600)
    change(data_dir, "UPDATE events SET created_at = '2026-11-01 00:00:00' WHERE id = 3", file=f"events/{DAYS[0]}.db")
    with closing(sqlite3.connect(data_dir / "events" / f"{DAYS[1]}.db")) as segment:
        segment.execute("PRAGMA user_version = 99")
    others = []
    if os.geteuid() == 0:
        os.chown(data_dir / "lock", 1, 1)
        others = ["lock"]

    found = await examined(data_dir, hand.clock, full=True)
    sentences = " ".join(finding.sentence for finding in found.findings)
    assert {f"{DAYS[0]}.db", f"{DAYS[1]}.db", *others} <= set(errors(found))
    assert "1 event of another day" in sentences
    assert "schema version 99" in sentences
    assert not others or f"chown --reference={data_dir}" in sentences


def test_findings_are_printed_as_sentences_and_end_with_their_own_code(data_dir: Path) -> None:
    with serving(data_dir) as server:
        server.post(encode(Traffic().batch(4)))
        assert server.stop() == 0
    assert "no problems found" in succeed("check", "--data-dir", data_dir)
    change(data_dir, "UPDATE daily_stats SET value = value + 1 WHERE metric LIKE 'version:%'")

    found = run("check", "--full", "--data-dir", data_dir)
    assert found.returncode == 1
    assert "run `telemetry repair`" in found.stdout
    assert "daily_stats" in found.stdout.splitlines()[-3]
    assert found.stdout.endswith("problems found\n")


async def test_a_full_disk_is_foreseen(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand = await live(data_dir, days=1)
    monkeypatch.setattr("telemetry.storage.maintenance.host_checks.free_bytes", lambda _: 10**6)

    assert errors(await examined(data_dir, hand.clock, full=True)) == ["disk"]


async def test_repair_beside_a_running_service_is_refused(data_dir: Path) -> None:
    with serving(data_dir):
        assert run("repair", "--data-dir", data_dir).returncode == 75


async def test_an_erasure_during_an_examination_is_no_finding_but_a_reason_to_look_again(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand, leaving = HandClock(), installation_id(2)
    async with service(data_dir, hand) as started:
        batch = [event | {"installationId": leaving} for event in Traffic(moment=hand.now).batch(5)]
        await started.service.accept(encode([*batch, *Traffic(seed=2, moment=hand.now).batch(5)]))
        await started.publisher.flush()

        async def compare_too_late(*arguments: Any, **named: Any) -> examination.Recounted:
            await started.upkeep.eraser.erase(ErasureRequest(leaving, ErasureKind.FORGET))
            return await compare(*arguments, **named)

        with monkeypatch.context() as patched:
            patched.setattr(examination, "compare", compare_too_late)
            with pytest.raises(ConflictError, match="do this again"):
                await examined(data_dir, hand.clock, full=True)
        assert not (await examined(data_dir, hand.clock, full=True)).failed
