"""Forgetting and excluding an installation: what goes, what stays, and that a crash only delays it."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from telemetry.running import Running
from telemetry.storage.eraser import ErasureRequest, Kind
from tests.support import oracle
from tests.support.commands import succeed
from tests.support.events import Traffic, encode
from tests.support.oracle import read
from tests.support.segments import pass_a_day, sealed_days
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
    return [path.name for path in data_dir.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


async def test_an_excluded_installation_leaves_numbers_as_if_it_had_never_sent_anything(data_dir: Path) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand) as started:
        await three_days(started, hand)
        assert sealed_days(data_dir) == list(DAYS[:2])
        sent = Counter(event.day for event in oracle.check(data_dir) if event.installation_id == VANDAL)
        erased = await started.upkeep.eraser.erase(ErasureRequest(VANDAL, Kind.EXCLUDE))
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
        await started.upkeep.eraser.erase(ErasureRequest(VANDAL, Kind.FORGET))
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
        await started.upkeep.eraser.erase(ErasureRequest(VANDAL, Kind.FORGET))
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
        planned = await started.upkeep.eraser.erase(ErasureRequest(VANDAL, Kind.EXCLUDE, dry_run=True))
        assert numbers(data_dir) == before
        assert read(data_dir / "telemetry.db", "SELECT * FROM erasures") == []
        done = await started.upkeep.eraser.erase(ErasureRequest(VANDAL, Kind.EXCLUDE))

    assert planned.dry_run
    assert planned.events == done.events
    assert planned.pattern_signatures == done.pattern_signatures > 0


def numbers(data_dir: Path) -> list[list[tuple[Any, ...]]]:
    tables = ("daily_stats WHERE value != 0", "pattern_signatures", "action_aggregates")
    return [read(data_dir / "telemetry.db", f"SELECT * FROM {table}") for table in tables]


NEW_BY_DAY = "SELECT date, value FROM daily_stats WHERE metric = 'new_installations'"
