"""Forgetting and excluding an installation: what goes, what stays, and that a crash only delays it."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from telemetry.clock import column_time
from telemetry.counting.aggregates import SIGNATURE_COUNTS
from telemetry.running import Running
from telemetry.storage.erasure.exclusions import hashed
from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from tests.support import oracle
from tests.support.commands import succeed
from tests.support.events import Traffic, encode, make_event, timestamp
from tests.support.examining import examined
from tests.support.oracle import read
from tests.support.segments import pass_a_day, sealed_days, segment
from tests.support.service import HandClock, service

VANDAL = "5387623e-62a8-468c-9fbe-92f1c6a8b775"
DAYS = ("2026-11-20", "2026-11-21", "2026-11-22")
START = "2026-11-20T12:00:00"


async def three_days(started: Running, hand: HandClock) -> None:
    """Have others and the vandal send events on three days, of which two are sealed; they share some signatures."""
    for number in range(len(DAYS)):
        moment = hand.now
        for seed in (number, number + 10):
            await started.service.accept(encode(Traffic(seed=seed, moment=moment, installations=3).batch(30)))
            await started.service.accept(encode(of_vandal(Traffic(seed=seed, moment=moment).batch(25))))
        await started.publisher.flush()
        if number + 1 < len(DAYS):
            await pass_a_day(started, hand, Traffic(seed=number + 50, moment=hand.now))
            await started.upkeep.sealer.check()


def of_vandal(events: Iterable[dict[str, object]]) -> list[dict[str, object]]:
    return [event | {"installationId": VANDAL} for event in events]


def files_with(data_dir: Path, text: str) -> list[str]:
    found = []
    for path in data_dir.rglob("*"):
        # What a running service works on comes and goes.
        with suppress(FileNotFoundError):
            if path.is_file() and text.encode() in path.read_bytes():
                found.append(path.name)
    return found


async def test_an_excluded_installation_leaves_numbers_as_if_it_had_never_sent_anything(data_dir: Path) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand) as started:
        await three_days(started, hand)
        assert sealed_days(data_dir) == list(DAYS[:2])
        sent = Counter(event.day for event in oracle.check(data_dir) if event.installation_id == VANDAL)
        erased = await started.upkeep.eraser.erase(ErasureRequest(VANDAL, ErasureKind.EXCLUDE))
        assert erased.events == sent
        assert files_with(data_dir, VANDAL) == []
        await started.publisher.flush()
        events = oracle.check(data_dir, erased=True)
        assert VANDAL not in {event.installation_id for event in events}
        await started.upkeep.sealer.check()
        again = Traffic(seed=77, moment=hand.now).batch(3)
        assert b'"eventsProcessed":3' in await started.service.accept(encode(of_vandal(again)))

    assert len(oracle.check(data_dir, erased=True)) == len(events)
    assert sealed_days(data_dir) == list(DAYS[:2])


async def test_a_forgotten_installation_leaves_its_numbers_which_every_recount_honours(data_dir: Path) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand) as started:
        await three_days(started, hand)
        before = numbers(data_dir)
        await started.upkeep.eraser.erase(ErasureRequest(VANDAL, ErasureKind.FORGET))
        assert files_with(data_dir, VANDAL) == []
        assert numbers(data_dir) == before
        await started.upkeep.sealer.check()
        assert numbers(data_dir) == before

    assert sealed_days(data_dir) == list(DAYS[:2])
    assert json.loads(succeed("check", "--json", "--data-dir", data_dir))["days_recounted"] == list(DAYS)
    assert "daily_stats: 0 rows" in succeed("repair", "--data-dir", data_dir)
    assert numbers(data_dir) == before


async def test_who_was_forgotten_is_new_when_it_comes_again(data_dir: Path) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand) as started:
        await three_days(started, hand)
        await started.upkeep.eraser.erase(ErasureRequest(VANDAL, ErasureKind.FORGET))
        before = dict(read(data_dir / "telemetry.db", NEW_BY_DAY))
        hand.pass_time(60)
        await started.service.accept(encode(of_vandal(Traffic(seed=77, moment=hand.now).batch(3))))
        await started.publisher.flush()
        assert dict(read(data_dir / "telemetry.db", NEW_BY_DAY)) == before | {DAYS[-1]: before.get(DAYS[-1], 0) + 1}

    assert VANDAL in {event.installation_id for event in oracle.raw_events(data_dir)}
    succeed("check", "--data-dir", data_dir)


async def test_a_dry_run_changes_nothing_and_says_what_would_change(data_dir: Path) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand) as started:
        await three_days(started, hand)
        before = numbers(data_dir)
        planned = await started.upkeep.eraser.erase(ErasureRequest(VANDAL, ErasureKind.EXCLUDE, dry_run=True))
        assert numbers(data_dir) == before
        assert read(data_dir / "telemetry.db", "SELECT * FROM erasures") == []
        done = await started.upkeep.eraser.erase(ErasureRequest(VANDAL, ErasureKind.EXCLUDE))

    assert planned.dry_run
    assert planned.events == done.events
    assert planned.rows["signature_counts"] == done.rows["signature_counts"] > 0


def begin_and_crash(data_dir: Path, days: Iterable[str], now: str, *, rows_left: int) -> None:
    """Leave what an interrupted erasing can leave: rows are gone, but copies are in unused parts of the pages."""
    for path in (segment(data_dir, day) for day in days):
        mode = path.stat().st_mode
        path.chmod(0o600)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("PRAGMA secure_delete = OFF")
            rows = connection.execute("SELECT id FROM events WHERE installation_id = ?", (VANDAL,)).fetchall()
            connection.executemany("DELETE FROM events WHERE id = ?", rows[rows_left:])
        path.chmod(mode)
    with closing(sqlite3.connect(data_dir / "telemetry.db")) as aggregates, aggregates:
        aggregates.execute("DELETE FROM installations WHERE installation_id = ?", (VANDAL,))
        aggregates.execute("INSERT INTO erasures VALUES (?, 'forget', ?, ?, NULL)", (hashed(VANDAL), now, now))


@pytest.mark.parametrize("rows_left", [1, 0])
async def test_what_a_crash_left_is_overwritten_even_when_nothing_tells_any_more_whose_it_was(
    data_dir: Path, rows_left: int
) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand) as started:
        for number in range(len(DAYS)):
            if number:
                await started.service.accept(encode(of_vandal(Traffic(seed=number, moment=hand.now).batch(25))))
            await started.service.accept(encode(Traffic(seed=number + 10, moment=hand.now).batch(5)))
            if number + 1 < len(DAYS):
                await pass_a_day(started, hand, Traffic(seed=number + 50, moment=hand.now))
                await started.upkeep.sealer.check()
    # The second day was sealed again while it was being erased, the first one long before.
    begin_and_crash(data_dir, DAYS[1:], column_time(hand.clock.now()), rows_left=rows_left)
    assert set(files_with(data_dir, VANDAL)) >= {f"{day}.db" for day in DAYS[1:]}
    untouched = segment(data_dir, DAYS[0]).stat().st_mtime_ns
    async with service(data_dir, hand) as started:
        await started.upkeep.eraser.resume()
        assert files_with(data_dir, VANDAL) == []
        assert read(data_dir / "telemetry.db", "SELECT 1 FROM erasures WHERE finished_at IS NULL") == []
        await started.upkeep.sealer.check()

    assert segment(data_dir, DAYS[0]).stat().st_mtime_ns == untouched
    assert sealed_days(data_dir) == list(DAYS[:2])


def labelled(hand: HandClock, installation: str, *labels: str) -> bytes:
    """Return events that are all different, one of each label."""
    hand.pass_time(1)
    common = {"installationId": installation, "timestamp": timestamp(hand.now)}
    return encode(
        [
            make_event("pattern_signature", category=label, locationCount=number, **common)
            for number, label in enumerate(labels)
        ]
    )


def categories(data_dir: Path) -> dict[str, int]:
    return dict(read(data_dir / "telemetry.db", "SELECT metric, value FROM daily_stats WHERE metric LIKE 'category:%'"))


async def wrong_numbers(data_dir: Path, hand: HandClock) -> list[str]:
    """Return what is wrong with the numbers."""
    found = await examined(data_dir, hand.clock)
    return [finding.sentence for finding in found.findings if finding.severity == "error"]


async def test_labels_that_only_a_vandal_has_used_are_shown_to_nobody_and_take_no_place(data_dir: Path) -> None:
    hand, other = HandClock(), "f" * 32
    async with service(data_dir, hand, daily_labels_max=4) as started:
        await started.service.accept(labelled(hand, VANDAL, "worse", "worst", "api"))
        await started.service.accept(labelled(hand, other, "api", "cache"))
        await started.upkeep.eraser.erase(ErasureRequest(VANDAL, ErasureKind.EXCLUDE))
        await started.publisher.flush()
        assert b"wors" not in started.publisher.stats.body
        assert categories(data_dir) == {"category:api": 1, "category:other": 1}
        await started.service.accept(labelled(hand, other, "cache", "cache"))

    assert categories(data_dir) == {"category:api": 1, "category:other": 1, "category:cache": 2}
    assert await wrong_numbers(data_dir, hand) == []


@pytest.mark.parametrize("kind", ErasureKind)
async def test_a_label_that_got_its_own_metric_late_is_taken_from_both_that_counted_it(
    data_dir: Path, kind: ErasureKind
) -> None:
    hand, other = HandClock(), "f" * 32
    async with service(data_dir, hand, daily_labels_max=2) as started:
        await started.service.accept(labelled(hand, VANDAL, "api", "cache", "cache"))
    async with service(data_dir, hand, daily_labels_max=4) as started:
        await started.service.accept(labelled(hand, other, "cache"))
        await started.service.accept(labelled(hand, VANDAL, "cache"))
        await started.publisher.flush()
        assert categories(data_dir) == {"category:api": 1, "category:other": 2, "category:cache": 2}
        await started.upkeep.eraser.erase(ErasureRequest(VANDAL, kind))

    left = {"category:other": 1} if kind is ErasureKind.EXCLUDE else None
    assert categories(data_dir) == (left or {"category:api": 1, "category:other": 2, "category:cache": 2})
    assert await wrong_numbers(data_dir, hand) == []


def numbers(data_dir: Path) -> list[list[tuple[Any, ...]]]:
    shown = (f"{', '.join(SIGNATURE_COUNTS.exported)} FROM signature_counts", "* FROM action_aggregates")
    return [read(data_dir / "telemetry.db", f"SELECT {one}") for one in ("* FROM daily_stats WHERE value != 0", *shown)]


NEW_BY_DAY = "SELECT date, value FROM daily_stats WHERE metric = 'new_installations'"
