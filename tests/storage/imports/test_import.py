"""The old worker's data becomes this service's, row by row, and no row is lost silently."""

import hashlib
import json
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support import oracle
from tests.support.commands import run, succeed
from tests.support.events import Traffic, encode, installation_id
from tests.support.old_worker import EXPORT, INSTALLATION, OldRow, dump, make_old_database, old_event
from tests.support.server import serving

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs the Debian package strace")
DAYS = ("2026-11-20", "2026-11-21", "2026-11-23")


def import_d1(file: Path, data_dir: Path, *flags: str) -> Any:
    return json.loads(succeed("import", "d1", file, "--data-dir", data_dir, "--json", *flags))


def made_rows() -> list[OldRow]:
    kinds = ("scan_completion", "pattern_signature", "user_action")
    return [
        old_event(
            number,
            f"{DAYS[number % 3]} 10:00:{number % 60:02}",
            installation=installation_id(number % 5),
            kind=kinds[number % 3],
        )
        for number in range(1, 121)
    ]


def stored_identities(data_dir: Path) -> Counter[tuple[str, ...]]:
    return Counter(
        (event.type, event.timestamp, event.installation_id, event.created_at) for event in oracle.raw_events(data_dir)
    )


def identities(rows: list[OldRow]) -> Counter[tuple[str, ...]]:
    return Counter((row[1], row[2], row[3], row[6]) for row in rows)


def test_the_real_export_is_taken_over_and_its_odd_rows_are_kept_aside_with_their_reasons(
    data_dir: Path, tmp_path: Path
) -> None:
    refused = tmp_path / "refused.jsonl"
    report = import_d1(EXPORT, data_dir, "--refused", str(refused))

    assert report["events"] == {"kept": 302, "mapped": 0, "refused": 4, "added": 302}
    assert report["days"] == [{"day": "2026-11-23", "staged": 302, "added": 302, "recounted": 302, "old_total": 4412}]
    lines = [json.loads(line) for line in refused.read_text().rstrip("\n").split("\n")]
    assert [(line["row"]["id"], line["reason"]) for line in lines if line["table"] == "events"] == [
        (4413, "type_invalid"), (4414, "type_invalid"), (4415, "type_invalid"), (4416, "not_text"),
    ]  # fmt: skip
    assert [line["row"]["metric"] for line in lines if line["table"] == "daily_stats"] == [
        "events:", "events:1,2", "events:5", "events:it's",
    ]  # fmt: skip
    assert refused.stat().st_mode & 0o777 == 0o600
    assert len(oracle.check(data_dir)) == 302


def test_the_tables_that_the_old_worker_never_filled_are_filled(data_dir: Path) -> None:
    import_d1(EXPORT, data_dir)

    for table in ("pattern_signatures", "action_aggregates"):
        ((rows,),) = oracle.read(data_dir / "telemetry.db", f"SELECT count(*) FROM {table}")
        assert rows > 30


def test_a_kept_row_is_stored_byte_for_byte(data_dir: Path) -> None:
    import_d1(EXPORT, data_dir)
    with closing(sqlite3.connect(":memory:")) as old:
        old.executescript(EXPORT.read_text())
        before = old.execute("SELECT * FROM events WHERE id <= 4412 ORDER BY created_at, id").fetchall()

    after = oracle.read(data_dir / "events" / "2026-11-23.db", "SELECT * FROM events ORDER BY id")

    assert [row[1:] for row in after] == [row[1:] for row in before]
    assert [row[0] for row in after] == list(range(1, 303))


def test_importing_again_adds_nothing_and_a_newer_export_adds_what_is_new(data_dir: Path, tmp_path: Path) -> None:
    rows = made_rows()
    older = make_old_database(tmp_path / "older.db", rows[:70])
    newer = make_old_database(tmp_path / "newer.db", rows)

    assert [import_d1(older, data_dir)["events"]["added"] for _ in range(2)] == [70, 0]
    assert import_d1(dump(newer, tmp_path / "newer.sql"), data_dir)["events"]["added"] == 50
    assert import_d1(newer, data_dir)["events"]["added"] == 0
    oracle.check(data_dir)
    assert stored_identities(data_dir) == identities(rows)


def test_equal_rows_are_as_many_as_the_old_data_has(data_dir: Path, tmp_path: Path) -> None:
    rows = [(number, *old_event(1, "2026-11-23 10:00:00")[1:]) for number in range(1, 6)]
    two, five = (make_old_database(tmp_path / f"{count}.db", rows[:count]) for count in (2, 5))

    assert [import_d1(file, data_dir)["events"]["added"] for file in (two, five, five)] == [2, 3, 0]
    assert len(oracle.check(data_dir)) == 5


def test_a_dry_run_reports_the_same_and_changes_nothing(data_dir: Path) -> None:
    dry = import_d1(EXPORT, data_dir, "--dry-run")

    assert not data_dir.exists()
    wet = import_d1(EXPORT, data_dir)
    assert dry.pop("dry_run")
    assert not wet.pop("dry_run")
    assert dry == wet
    assert import_d1(EXPORT, data_dir, "--dry-run")["events"]["added"] == 0


def test_a_database_file_is_read_with_its_wal_and_neither_is_changed(data_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    path = make_old_database(folder / "old.db", made_rows()[:10])
    with closing(sqlite3.connect(path, isolation_level=None)) as worker:
        worker.execute("PRAGMA journal_mode = WAL")
        worker.execute("PRAGMA wal_autocheckpoint = 0")
        worker.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", made_rows()[10:25])
        shutil.copytree(folder, tmp_path / "copy", ignore=shutil.ignore_patterns("*-shm"))
    before = {file.name: hashlib.sha256(file.read_bytes()).digest() for file in (tmp_path / "copy").iterdir()}
    assert before.keys() == {"old.db", "old.db-wal"}

    assert import_d1(tmp_path / "copy" / "old.db", data_dir)["events"]["added"] == 25

    assert before == {file.name: hashlib.sha256(file.read_bytes()).digest() for file in (tmp_path / "copy").iterdir()}
    oracle.check(data_dir)


def test_each_row_is_kept_or_mapped_or_refused_with_a_reason(data_dir: Path, tmp_path: Path) -> None:
    at = "2026-11-23 10:00:00"
    mapped = [
        old_event(1, at, installation=""),
        old_event(2, at, created_at="2026-11-23T10:00:00Z"),
        old_event(3, at, payload=old_event(3, at)[5].replace(":", ": ")),
        old_event(4, at, type="invented_type", payload=None),
    ]
    refused = {
        "field_missing": old_event(10, at, payload="{}"),
        "field_invalid": old_event(11, at, payload=old_event(11, at)[5].replace("true", "7")),
        "payload_invalid": old_event(12, at, payload="[1]"),
        "received_invalid": old_event(13, at, created_at="yesterday"),
        "received_ahead": old_event(14, at, created_at="2999-01-01 00:00:00"),
        "timestamp_invalid": old_event(15, at, timestamp=""),
        "timestamp_ahead": old_event(16, at, timestamp="2026-11-25T10:00:00.000Z"),
        "timestamp_expired": old_event(17, at, timestamp="2025-11-23T10:00:00.000Z"),
        "installation_invalid": old_event(18, at, installation="me@example.org"),
        "version_invalid": old_event(19, at, drift_version="of mine"),
        "content_refused": old_event(20, at, payload=old_event(20, at)[5][:-1] + ',"code":"return x"}'),
        "not_text": old_event(21, at, payload=b"\xff"),
    }
    more = {"received_invalid": old_event(22, at, created_at="0001-01-01 00:00:00+23:59")}
    path = make_old_database(tmp_path / "old.db", [*mapped, *refused.values(), *more.values()])

    report = import_d1(path, data_dir)

    assert report["refused"] == Counter(refused.keys()) + Counter(more.keys())
    assert report["events"] == {"kept": 0, "mapped": 4, "refused": 13, "added": 4}
    assert sorted(report["mapped"].values()) == [1, 1, 2]
    assert [event.installation_id for event in oracle.check(data_dir)] == ["unknown", *[INSTALLATION] * 3]
    assert import_d1(path, data_dir)["events"]["added"] == 0


def test_days_without_raw_events_keep_the_old_counts_and_the_others_are_recounted(
    data_dir: Path, tmp_path: Path
) -> None:
    stats = [
        ("2026-10-01", "events:scan_completion", 7),
        ("2026-10-01", "unique_installations", 3),
        (DAYS[0], "events:scan_completion", 999),
        (DAYS[0], "unique_installations", 999),
    ]
    path = make_old_database(tmp_path / "old.db", made_rows(), stats)

    for _ in range(2):
        report = import_d1(path, data_dir)
        assert report["stats_kept"] == ["2026-10-01"]
        assert {day["day"]: (day["recounted"], day["old_total"]) for day in report["days"]} == {
            DAYS[0]: (40, 999), DAYS[1]: (40, None), DAYS[2]: (40, None),
        }  # fmt: skip
        kept = "SELECT metric, value FROM daily_stats WHERE date = '2026-10-01' AND value != 0 ORDER BY metric"
        assert oracle.read(data_dir / "telemetry.db", kept) == [
            ("events:scan_completion", 7), ("unique_installations", 3),
        ]  # fmt: skip
    ((unique,),) = oracle.read(
        data_dir / "telemetry.db",
        f"SELECT value FROM daily_stats WHERE date = '{DAYS[0]}' AND metric = 'unique_installations'",
    )
    assert unique == len({row[3] for row in made_rows() if row[6].startswith(DAYS[0])})
    succeed("check", "--data-dir", data_dir)


def test_raw_events_that_come_later_take_the_place_of_old_counts(data_dir: Path, tmp_path: Path) -> None:
    stats = [(DAYS[0], "events:scan_completion", 999)]
    import_d1(make_old_database(tmp_path / "stats.db", [], stats), data_dir)
    import_d1(make_old_database(tmp_path / "events.db", made_rows(), stats), data_dir)

    assert len(oracle.check(data_dir)) == 120


def test_a_day_whose_raw_events_have_expired_is_not_counted_twice(data_dir: Path, tmp_path: Path) -> None:
    path = make_old_database(tmp_path / "old.db", made_rows(), [(DAYS[0], "events:scan_completion", 999)])
    printed = succeed("import", "d1", path, "--data-dir", data_dir)
    assert f"{DAYS[0]}: 40 added; daily_stats recomputed from 40 raw events, the old worker had counted 999" in printed
    (data_dir / "events" / f"{DAYS[0]}.db").unlink()
    before = oracle.read(data_dir / "telemetry.db", "SELECT * FROM daily_stats ORDER BY date, metric")

    assert import_d1(path, data_dir)["expired_days"] == {DAYS[0]: 40}
    assert "removed by retention" in succeed("import", "d1", path, "--data-dir", data_dir, "--dry-run")
    assert oracle.read(data_dir / "telemetry.db", "SELECT * FROM daily_stats ORDER BY date, metric") == before
    without_rows = make_old_database(tmp_path / "stats.db", [], [(DAYS[0], "events:scan_completion", 999)])
    assert import_d1(without_rows, data_dir)["stats_left"] == [DAYS[0]]
    assert oracle.read(data_dir / "telemetry.db", "SELECT * FROM daily_stats ORDER BY date, metric") == before


def test_imported_events_join_those_of_a_service_also_months_back(data_dir: Path, tmp_path: Path) -> None:
    with serving(data_dir) as server:
        server.post(encode([dict(event, installationId=INSTALLATION) for event in Traffic().batch(5)]))
        assert server.stop() == 0
    days = ("2026-06-01", "2026-06-02", "2026-06-09")
    rows = [old_event(number, f"{day} 10:00:00") for number, day in enumerate(days, 1)]

    import_d1(make_old_database(tmp_path / "old.db", rows), data_dir)
    assert len(oracle.check(data_dir)) == 8
    with serving(data_dir) as server:
        server.post(encode(Traffic(seed=2).batch(3)))
        assert server.stop() == 0
    assert len(oracle.check(data_dir)) == 11


def test_an_import_beside_a_running_service_is_refused(data_dir: Path) -> None:
    with serving(data_dir) as server:
        refused = run("import", "d1", EXPORT, "--data-dir", data_dir)
        assert server.post(encode(Traffic().batch(2))).status == 200

    assert refused.returncode == 75
    assert "stop it first" in refused.stderr


@needs_strace
@pytest.mark.parametrize("call", [1, 4, 8, 13])
def test_an_import_that_was_killed_is_completed_by_the_next(data_dir: Path, tmp_path: Path, call: int) -> None:
    path = make_old_database(tmp_path / "old.db", made_rows(), [("2026-10-01", "events:scan_completion", 7)])
    synced = f"inject=fdatasync:signal=KILL:when={call}"
    prefix = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", synced)

    killed = run("import", "d1", path, "--data-dir", data_dir, prefix=prefix)
    import_d1(path, data_dir)

    assert killed.returncode == -9
    assert stored_identities(data_dir) == identities(made_rows())
    with closing(sqlite3.connect(data_dir / "telemetry.db")) as aggregates:
        assert aggregates.execute("DELETE FROM daily_stats WHERE date = '2026-10-01'").rowcount == 1
        aggregates.commit()
    oracle.check(data_dir)
