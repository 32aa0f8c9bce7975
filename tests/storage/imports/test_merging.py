"""Two instances become one, and what was exported comes back; each is judged and counted as it was then."""

import json
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from telemetry.catalogue.wire import Wire
from telemetry.operator_errors import DamagedError
from telemetry.storage.imports.exported import ExportedEvents
from tests.support import oracle
from tests.support.backups import backup
from tests.support.cli import DAYS, fill
from tests.support.commands import run, succeed
from tests.support.events import encode, make_event, timestamp
from tests.support.events_v2 import encode_bare, make_event_v2
from tests.support.old_worker import make_old_database, old_event
from tests.support.publishing import Crowd, pass_crowded_day, production, published_bytes
from tests.support.reports import cibench
from tests.support.service import HandClock, service

COUNTED = "SELECT date, metric, value FROM daily_stats WHERE value != 0 ORDER BY date, metric"
EXPORTED = "SELECT * FROM events ORDER BY id"


def report(*arguments: str | Path, data_dir: Path) -> Any:
    return json.loads(succeed(*arguments, "--json", "--data-dir", data_dir))


def added(*arguments: str | Path, data_dir: Path) -> int:
    return int(report(*arguments, data_dir=data_dir)["events"]["added"])


def identities(*data_dirs: Path) -> Counter[Any]:
    events = [event for data_dir in data_dirs for event in oracle.raw_events(data_dir)]
    return Counter((e.type, e.timestamp, e.installation_id, json.dumps(e.payload), e.created_at) for e in events)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def hash_an_id(data_dir: Path, tmp_path: Path) -> None:
    """Store an event whose id is kept as a keyed hash."""
    row = old_event(1, f"{DAYS[0]} 09:00:00", installation="build-server-7")
    succeed("import", "d1", make_old_database(tmp_path / "hashed.db", [row]), "--data-dir", data_dir)


async def test_two_instances_become_one_and_a_repetition_adds_nothing(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    await fill(here, days=DAYS[:2])
    await fill(there, days=("2026-10-01", "2026-10-02", DAYS[1]), batches=4)
    before, events = snapshot(there), identities(here, there)

    dry = report("merge", there, "--dry-run", data_dir=here)
    wet = report("merge", there, data_dir=here)

    assert (dry.pop("dry_run"), wet.pop("dry_run")) == (True, False)
    assert dry == wet
    assert wet["events"]["added"] == len(oracle.raw_events(there))
    assert identities(here) == events
    oracle.check(here)
    # Whoever reads a database puts files beside it.
    assert {name: content for name, content in snapshot(there).items() if name in before} == before
    assert added("merge", there, data_dir=here) == 0
    assert "no problems found" in succeed("check", "--data-dir", here)


async def test_numbers_of_days_without_raw_events_are_taken_over_where_there_are_none(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    await fill(here, days=DAYS[1:])
    await fill(there, days=("2026-08-01", *DAYS[:1]))
    past = [row for row in oracle.read(there / "telemetry.db", COUNTED) if row[0] == "2026-08-01"]
    with closing(sqlite3.connect(there / "telemetry.db")) as connection:
        connection.execute("UPDATE segments SET retired_at = '2026-11-01 00:00:00' WHERE day = '2026-08-01'")
        connection.commit()
    (there / "events" / "2026-08-01.db").unlink()

    for _ in range(2):
        assert report("merge", there, data_dir=here)["stats_kept"] == ["2026-08-01"]
        assert [row for row in oracle.read(here / "telemetry.db", COUNTED) if row[0] == "2026-08-01"] == past
    printed = succeed("merge", there, "--data-dir", here)
    assert (
        "the daily_stats of the other instance taken over; its signatures and decisions of that day are left" in printed
    )
    assert "no problems found" in succeed("check", "--data-dir", here)


async def test_events_of_days_that_are_public_are_reported_as_late(tmp_path: Path) -> None:
    here, there, hand = tmp_path / "here", tmp_path / "there", HandClock("2026-11-20T12:00:00")
    async with service(here, hand, **production()) as started:
        await pass_crowded_day(started, hand, Crowd(1), range(12))
        await started.upkeep.closer.check()
        once = published_bytes(here)
    await fill(there, days=("2026-11-20", "2026-11-21"), batches=2)

    late = "10 events of 1 day would be late: the public numbers of these days are final"
    assert late in succeed("merge", there, "--dry-run", "--data-dir", here)
    assert report("merge", there, data_dir=here)["late_days"] == {"2026-11-20": 10}
    async with service(here, hand, **production()) as started:
        await started.upkeep.sealer.check()
        await started.upkeep.closer.check()
    assert published_bytes(here) == once


async def test_ids_that_were_hashed_with_another_key_are_refused(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    await fill(here, days=DAYS[:1], batches=1)
    await fill(there, days=DAYS[1:2], batches=1)
    hash_an_id(there, tmp_path)
    before = snapshot(here)

    for flags in ((), ("--dry-run",)):
        refused = run("merge", there, *flags, "--data-dir", here)
        assert refused.returncode == 65
        assert f"ids of {DAYS[0]} in {there} were hashed with another id.key" in refused.stderr
    assert {name: content for name, content in snapshot(here).items() if name in before} == before

    with_key = tmp_path / "with-key"
    with_key.mkdir(mode=0o700)
    shutil.copy(there / "id.key", with_key)
    assert added("merge", there, data_dir=with_key) == 6
    oracle.check(with_key)


async def test_a_backup_is_merged_and_the_data_directory_itself_is_not(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    await fill(there, days=DAYS[:1], batches=2)
    backup(there, tmp_path / "backups")

    assert added("merge", tmp_path / "backups", data_dir=here) == 10
    itself = run("merge", here, "--data-dir", here)
    assert itself.returncode == 73
    assert "is the data directory itself" in itself.stderr
    nothing = run("merge", tmp_path, "--data-dir", here)
    assert (nothing.returncode, "neither a data directory nor a backup" in nothing.stderr) == (66, True)


async def test_events_of_every_kind_that_the_service_stores_are_taken(tmp_path: Path) -> None:
    here, there, hand = tmp_path / "here", tmp_path / "there", HandClock(f"{DAYS[0]}T12:00:00")
    async with service(there, hand) as started:
        kinds, now = ("scan_completed", "ci_detected"), int(hand.now.timestamp())
        recorded = [make_event_v2(kind, timestamp=now) for kind in kinds]
        await started.service.accept(encode_bare(recorded), wire=Wire.V2)
        report = cibench(timestamp=timestamp(hand.now))
        await started.service.accept_feedback(report, source="token")
        await started.service.accept(encode([make_event(timestamp=timestamp(hand.now), platform="linux")]))
    stored = oracle.raw_events(there)
    succeed("export", "events", "--output", tmp_path / "events.jsonl", "--data-dir", there)

    assert added("merge", there, data_dir=here) == len(stored) > 12
    assert added("import", "events", tmp_path / "events.jsonl", data_dir=here) == 0
    assert identities(here) == identities(there)
    oracle.check(here)


@pytest.mark.parametrize("form", ["jsonl", "csv"])
async def test_an_export_comes_back_exactly_and_only_once(tmp_path: Path, form: str) -> None:
    here, empty, files = tmp_path / "here", tmp_path / "empty", tmp_path / "events"
    await fill(here, batches=3)
    hash_an_id(here, tmp_path)
    succeed("export", "events", "--format", form, "--output", f"{files}/", "--data-dir", here)

    assert added("import", "events", files, data_dir=here) == 0
    unknown = run("import", "events", files, "--data-dir", empty)
    assert unknown.returncode == 65
    assert "add --same-id-key" in unknown.stderr
    assert [added("import", "events", files, "--same-id-key", data_dir=empty) for _ in range(2)] == [31, 0]
    for day in DAYS:
        name = f"events/{day}.db"
        assert [row[1:] for row in oracle.read(empty / name, EXPORTED)] == [
            row[1:] for row in sorted(oracle.read(here / name, EXPORTED), key=lambda row: row[6])
        ]
    assert oracle.read(empty / "telemetry.db", COUNTED) == oracle.read(here / "telemetry.db", COUNTED)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("events.jsonl", b'{"type": "x"}\n', "holds no event in line 1"),
        ("events.jsonl", b'{"type": "x"', "holds no event in line 1"),
        ("events.csv", b"day,id\n", "has no column created_at"),
        ("events.csv", b"day,id,type,timestamp,installation_id,drift_version,payload,created_at\na,b\n", "in line 2"),
        ("events.parquet", b"PAR1", "not as Parquet"),
        ("export.sql", b"INSERT", "is no export of events"),
    ],
)
def test_a_file_that_is_no_export_is_refused_in_a_sentence(
    tmp_path: Path, name: str, content: bytes, complaint: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DamagedError, match=complaint) as refused:
        list(ExportedEvents([path], tmp_path / "telemetry.db", same_key=False).events())
    assert str(path) in str(refused.value)


async def test_results_of_benchmarks_come_along_and_the_old_worker_has_none(tmp_path: Path) -> None:
    here, there, again = (tmp_path / name for name in ("here", "there", "again"))
    hand = HandClock(f"{DAYS[0]}T12:00:00")
    async with service(there, hand) as started:
        await started.service.accept_feedback(cibench(timestamp=hand.now.timestamp()), "token")
    await fill(here, days=DAYS[:1])
    await fill(again, days=DAYS[:1])
    row = old_event(1, f"{DAYS[0]} 09:00:00")
    forged = (row[0], "benchmark-result", *row[2:])

    merged = report("merge", there, data_dir=here)
    assert (merged["events"]["added"], merged["days"][0]["old_total"]) == (12, 12)
    succeed("export", "events", "--output", tmp_path / "events.jsonl", "--data-dir", there)
    assert added("import", "events", tmp_path / "events.jsonl", data_dir=again) == 12
    refused = report("import", "d1", make_old_database(tmp_path / "old.db", [forged]), data_dir=here)["events"]
    assert (refused["added"], refused["refused"]) == (0, 1)
    for data_dir in (here, again):
        assert oracle.read(data_dir / "telemetry.db", "SELECT sum(count) FROM benchmark_results") == [(12,)]
        oracle.check(data_dir)
