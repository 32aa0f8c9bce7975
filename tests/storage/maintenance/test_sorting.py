"""Signatures that an older program counted under one set of labels are counted by the labels of their events."""

import asyncio
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from unittest import mock

import pytest

from telemetry.counting.counters import Counters
from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from telemetry.storage.maintenance import counting_again, sorting
from tests.support import oracle
from tests.support.commands import succeed
from tests.support.events import Traffic, encode, installation_id
from tests.support.examining import examined
from tests.support.older import make_older
from tests.support.segments import DAY_S, segment
from tests.support.service import HandClock, service

DAYS = ("2026-11-20", "2026-11-21")
LEAVING = installation_id(7)
VERSION_BEFORE = 6
_LEFT = (
    "SELECT day FROM unsorted_days UNION ALL SELECT signature_hash FROM unsorted_signatures"
    " UNION ALL SELECT day FROM days_before_bulk"
)


async def older(data_dir: Path, tmp_path: Path, *, forget: bool = False) -> HandClock:
    """Leave two days as the program before would have left them."""
    hand = HandClock(f"{DAYS[0]}T12:00:00")
    async with service(data_dir, hand) as started:
        for number in range(len(DAYS)):
            batch = Traffic(seed=number, moment=hand.now, installations=3).batch(60)
            leaving = [event | {"installationId": LEAVING} for event in batch[40:]]
            await started.service.accept(encode([*batch[:40], *leaving]))
            await started.publisher.flush()
            if number + 1 < len(DAYS):
                hand.pass_time(DAY_S)
                await started.upkeep.sealer.check()
        if forget:
            await started.upkeep.eraser.erase(ErasureRequest(LEAVING, ErasureKind.FORGET))
    make_older(data_dir, VERSION_BEFORE, tmp_path / "newest.db")
    return hand


async def errors(data_dir: Path, hand: HandClock) -> list[str]:
    found = await examined(data_dir, hand.clock)
    return [finding.sentence for finding in found.findings if finding.severity == "error"]


async def test_signatures_are_counted_by_the_labels_of_their_events_after_an_upgrade(
    data_dir: Path, tmp_path: Path
) -> None:
    hand = await older(data_dir, tmp_path)
    # An examination sorts its own copy.
    assert await errors(data_dir, hand) == []
    succeed("migrate", "--data-dir", data_dir)

    oracle.check(data_dir)
    assert oracle.read(data_dir / "telemetry.db", _LEFT) == []
    assert await errors(data_dir, hand) == []


_DIE = """
import asyncio, os, sys
from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from telemetry.storage.maintenance import counting_again, sorting
from telemetry.owning import migrate_all
from telemetry.settings import Settings

counting_again.EVENTS_PER_STEP = 7
steps = int(sys.argv[2])
count = sorting.count_again

def die_after(*arguments):
    global steps
    if not steps:
        os.kill(os.getpid(), 9)
    steps -= 1
    return count(*arguments)

sorting.count_again = die_after
asyncio.run(migrate_all(Settings(data_dir=sys.argv[1])))
"""


@pytest.mark.parametrize("steps", [0, 4, 11])
async def test_an_upgrade_that_is_killed_goes_on_where_it_was(data_dir: Path, tmp_path: Path, steps: int) -> None:
    await older(data_dir, tmp_path)
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", _DIE, str(data_dir), str(steps))
    assert await killed.wait() == -signal.SIGKILL
    assert oracle.read(data_dir / "telemetry.db", _LEFT)

    read: list[int] = []
    count = counting_again.count_again

    def counting(counters: Counters, path: Path, position: int, *rest: object) -> object:
        read.append(position)
        return count(counters, path, position, *rest)  # type: ignore[arg-type]

    with mock.patch.object(sorting, "count_again", counting):
        async with service(data_dir, HandClock(f"{DAYS[1]}T13:00:00")):
            pass
    oracle.check(data_dir)
    assert read[0] == 7 * (steps % 9)
    assert oracle.read(data_dir / "telemetry.db", _LEFT) == []


async def test_what_no_raw_event_tells_stays_under_the_labels_that_were_known(data_dir: Path, tmp_path: Path) -> None:
    hand = await older(data_dir, tmp_path)
    retire = f"UPDATE segments SET retired_at = '{DAYS[1]} 00:00:00' WHERE day = '{DAYS[0]}'"
    with closing(sqlite3.connect(data_dir / "telemetry.db")) as aggregates, aggregates:
        aggregates.execute(retire)
        before = aggregates.execute(
            "SELECT signature_hash, occurrence_count, first_seen, last_seen FROM pattern_signatures"
        ).fetchall()
    segment(data_dir, DAYS[0]).unlink()
    succeed("migrate", "--data-dir", data_dir)

    kept = "SELECT signature_hash, occurrence_count, first_seen, last_seen FROM pattern_signatures"
    assert oracle.read(data_dir / "telemetry.db", kept) == before
    assert await errors(data_dir, hand) == []


async def test_what_was_forgotten_before_an_upgrade_is_recorded_by_it(data_dir: Path, tmp_path: Path) -> None:
    hand = await older(data_dir, tmp_path, forget=True)
    assert await errors(data_dir, hand) == []
    succeed("migrate", "--data-dir", data_dir)

    assert await errors(data_dir, hand) == []
    recorded = "SELECT sum(occurrence_count) FROM removed_signature_counts"
    forgotten = "SELECT sum(value) FROM removed_stats WHERE metric = 'events:pattern_signature'"
    ((count,),) = oracle.read(data_dir / "telemetry.db", recorded)
    assert [(count,)] == oracle.read(data_dir / "telemetry.db", forgotten)
    assert count > 0
