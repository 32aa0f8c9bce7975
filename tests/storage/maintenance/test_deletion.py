"""Days are deleted as if their events had never come."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import click
import pytest

from telemetry.cli import cli
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.node import OwnedSpan, read_node, settle_node
from tests.support import oracle
from tests.support.backups import replayed
from tests.support.cli import fill
from tests.support.commands import run, succeed
from tests.support.events import encode, installation_id, make_event, timestamp
from tests.support.publishing import Crowd, pass_crowded_day, production
from tests.support.segments import DAY_S
from tests.support.server import serving
from tests.support.service import HandClock, service

DAYS = ("2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23")
NUMBERS = "SELECT date, metric, value FROM daily_stats WHERE value != 0 ORDER BY date, metric"


def delete(data_dir: Path, first: str, last: str, *flags: str) -> str:
    return succeed("delete", "--from", first, "--to", last, *flags, "--data-dir", data_dir)


def lose_as_retired(data_dir: Path, day: str) -> list[oracle.Raw]:
    """Have a day's raw events be gone, as retention leaves it; return them."""
    gone = [event for event in oracle.raw_events(data_dir) if event.day == day]
    (data_dir / "events" / f"{day}.db").unlink()
    with closing(sqlite3.connect(data_dir / "telemetry.db")) as connection:
        connection.execute("UPDATE segments SET retired_at = '2026-11-23 00:00:00' WHERE day = ?", (day,))
        connection.commit()
    return gone


async def test_days_are_deleted_as_if_their_events_had_never_come(data_dir: Path) -> None:
    await fill(data_dir, days=DAYS)
    before, rest = oracle.raw_events(data_dir), {DAYS[0], DAYS[3]}
    planned = delete(data_dir, DAYS[1], DAYS[2], "--dry-run")
    assert oracle.check(data_dir) == before

    assert delete(data_dir, DAYS[1], DAYS[2]) == planned.replace("would be ", "")

    assert f"{DAYS[1]}: 30 raw events and " in planned
    assert oracle.check(data_dir) == [event for event in before if event.day in rest]
    assert "no problems found" in succeed("check", "--data-dir", data_dir)
    again = run("delete", "--from", DAYS[1], "--to", DAYS[2], "--data-dir", data_dir)
    assert (again.returncode, "has nothing of" in again.stderr) == (66, True)
    assert len(replayed(data_dir)) == 60


async def test_what_older_days_without_raw_events_have_added_stays(data_dir: Path) -> None:
    await fill(data_dir, days=DAYS)
    gone = lose_as_retired(data_dir, DAYS[0])

    report = json.loads(delete(data_dir, DAYS[2], DAYS[2], "--json"))

    assert report["days"] == [{"day": DAYS[2], "events": 30, "counts": report["days"][0]["counts"], "is_whole": True}]
    # An installation leaves with the last day that it was seen on.
    async with service(data_dir, HandClock(f"{DAYS[3]}T12:00:00")) as started:
        await started.upkeep.retention.check()
    oracle.check(data_dir, gone=gone)
    assert "no problems found" in succeed("check", "--data-dir", data_dir)


async def test_of_a_day_without_raw_events_its_counts_go_and_the_sums_stay(data_dir: Path) -> None:
    await fill(data_dir, days=DAYS[:2])
    lose_as_retired(data_dir, DAYS[0])
    sums = "SELECT sum(occurrence_count) FROM signature_counts"
    before = oracle.read(data_dir / "telemetry.db", sums)

    for _ in range(2):
        run("delete", "--from", DAYS[0], "--to", DAYS[0], "--data-dir", data_dir)
        assert {row[0] for row in oracle.read(data_dir / "telemetry.db", NUMBERS)} == {DAYS[1]}
        assert oracle.read(data_dir / "telemetry.db", sums) == before
        assert "no problems found" in succeed("check", "--data-dir", data_dir)


async def test_what_a_lost_segment_has_added_to_sums_stays_when_its_day_is_deleted_with_another(data_dir: Path) -> None:
    hand = HandClock(f"{DAYS[0]}T12:00:00")
    async with service(data_dir, hand) as started:
        for sender in range(3):
            by = {"installationId": installation_id(sender), "timestamp": timestamp(hand.now)}
            await started.service.accept(encode([make_event("pattern_signature", **by)]))
            hand.pass_time(DAY_S)
    (data_dir / "events" / f"{DAYS[0]}.db").unlink()

    delete(data_dir, DAYS[0], DAYS[1])

    assert oracle.read(data_dir / "telemetry.db", "SELECT occurrence_count FROM signature_counts") == [(2,)]
    assert "no problems found" in succeed("check", "--data-dir", data_dir)


async def test_events_that_were_not_counted_and_that_were_forgotten_are_deleted_too(data_dir: Path) -> None:
    await fill(data_dir, days=DAYS)
    forgotten = oracle.raw_events(data_dir)[0].installation_id
    succeed("forget", forgotten, "--data-dir", data_dir)
    with closing(sqlite3.connect(data_dir / "telemetry.db")) as connection:
        # As before the flush that a crash has prevented.
        connection.execute("DELETE FROM daily_stats WHERE date = ?", (DAYS[3],))
        connection.commit()

    delete(data_dir, DAYS[0], DAYS[3])

    for table in ("daily_stats", "installations", "removed_stats", "segments"):
        assert oracle.read(data_dir / "telemetry.db", f"SELECT count(*) FROM {table}") == [(0,)], table
    assert "no problems found" in succeed("check", "--data-dir", data_dir)


async def test_what_is_public_of_deleted_days_is_made_again_without_them(data_dir: Path) -> None:
    hand, crowd = HandClock("2026-11-20T12:00:00"), Crowd(1)
    async with service(data_dir, hand, **production()) as started:
        for _ in range(2):
            await pass_crowded_day(started, hand, crowd, range(20))
        await started.upkeep.closer.check()
    active = "SELECT window_start FROM activity_daily ORDER BY 1"
    assert oracle.read(data_dir / "published.db", active) == [(DAYS[0],), (DAYS[1],)]

    delete(data_dir, DAYS[0], DAYS[0])

    async with service(data_dir, hand, **production()) as started:
        await pass_crowded_day(started, hand, crowd, range(20))
        await started.upkeep.closer.check()
    assert oracle.read(data_dir / "published.db", active) == [(DAYS[1],), (DAYS[2],)]
    assert "no problems found" in succeed("check", "--data-dir", data_dir)


async def test_days_that_are_not_there_are_a_clear_error(data_dir: Path) -> None:
    await fill(data_dir, days=DAYS[:1], batches=1)
    for first, last, code, complaint in (
        (DAYS[1], DAYS[0], 2, "is before --from"),
        ("2020-01-01", "2020-01-02", 66, "telemetry segments"),
    ):
        ended = run("delete", "--from", first, "--to", last, "--data-dir", data_dir)
        assert (ended.returncode, complaint in ended.stderr) == (code, True), ended.stderr


def test_a_service_that_runs_is_in_the_way(data_dir: Path) -> None:
    with serving(data_dir) as server:
        refused = run("delete", "--from", DAYS[0], "--to", DAYS[1], "--data-dir", data_dir)
        assert (refused.returncode, "stop it first" in refused.stderr) == (75, True)
        assert server.stop() == 0


def test_a_deletion_that_was_interrupted_is_completed_by_the_next(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(fill(data_dir, days=DAYS[:3]))

    def interrupt(_directory: DataDirectory, _day: str) -> None:
        raise KeyboardInterrupt

    arguments = ["delete", "--from", DAYS[1], "--to", DAYS[1], "--data-dir", str(data_dir)]
    monkeypatch.setattr(DataDirectory, "remove_segment", interrupt)
    with pytest.raises(click.Abort):
        cli.main(arguments, standalone_mode=False)
    assert len(oracle.raw_events(data_dir)) == 90

    delete(data_dir, DAYS[1], DAYS[1])
    assert len(oracle.check(data_dir)) == 60


async def test_to_a_cluster_the_new_events_of_a_deleted_day_are_others(data_dir: Path) -> None:
    await fill(data_dir, days=DAYS[:2])
    path = DataDirectory(data_dir).node
    before = settle_node(path)

    delete(data_dir, DAYS[1], DAYS[1])

    after = read_node(path)
    assert after is not None
    assert list(after.spans(DAYS[0])) == [OwnedSpan(before.node, 0, 30), OwnedSpan(after.node, 30, None)]
    assert list(after.spans(DAYS[1])) == [OwnedSpan(after.node, 0, None)]
    assert after.node != before.node
