"""Attacks on public numbers: a vandal with many ids, and builds that take a new id for each run."""

from pathlib import Path

from telemetry.running import Running
from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from tests.support import oracle
from tests.support.events import encode, installation_id, make_event, timestamp
from tests.support.public_oracle import check_published
from tests.support.publishing import Crowd, pass_crowded_day, production, published_bytes
from tests.support.service import HandClock, service

FIRST = "2026-11-02T12:00:00"
HONEST = range(30)
WORD = "vandalism"
VERSIONS = "SELECT window_start, cohort, version, installations FROM versions ORDER BY 1, 2, 3"
TYPES = "SELECT window_start, type, installations, events FROM events ORDER BY 1, 2"
ACTIVITY = "SELECT window_start, sum(installations) FROM activity_daily WHERE seen = 'new' GROUP BY 1 ORDER BY 1"


async def _send(started: Running, hand: HandClock, ids: range, version: str) -> None:
    for number in ids:
        event = make_event(
            "user_action", installationId=installation_id(number), timestamp=timestamp(hand.now), driftVersion=version,
            action="approve", category=WORD, confidenceAtAction=0.9, isBulkAction=False,
        )  # fmt: skip
        assert await started.service.accept(encode([event]))


async def _publish(data_dir: Path, vandals: range, *, erase: bool, always_new: bool = False) -> None:
    hand, crowd = HandClock(FIRST), Crowd(3)
    async with service(data_dir, hand, **production()) as started:
        for day in range(4):
            if erase and day == 3:
                await started.upkeep.closer.check()
                assert ("0.9.77",) in oracle.read(data_dir / "published.db", "SELECT DISTINCT version FROM versions")
                for number in vandals:
                    await started.upkeep.eraser.erase(ErasureRequest(installation_id(number), ErasureKind.EXCLUDE))
            moved = len(vandals) * day if always_new else 0
            await _send(started, hand, range(vandals.start + moved, vandals.stop + moved), "0.9.77")
            await pass_crowded_day(started, hand, crowd, HONEST)
        await started.upkeep.closer.check()
    assert check_published(data_dir, oracle.raw_events(data_dir))
    assert WORD.encode() not in published_bytes(data_dir)


async def test_a_vandal_with_many_ids_moves_no_number_once_they_are_excluded(tmp_path: Path) -> None:
    vandals = range(1_000, 1_006)
    await _publish(tmp_path / "honest", range(0), erase=False)
    await _publish(tmp_path / "attacked", vandals, erase=True)
    for sql in (VERSIONS, TYPES):
        attacked = oracle.read(tmp_path / "attacked" / "published.db", sql)
        assert attacked == oracle.read(tmp_path / "honest" / "published.db", sql)


async def test_builds_with_a_new_id_for_each_run_are_new_installations_and_nothing_else(tmp_path: Path) -> None:
    await _publish(tmp_path / "data", range(1_000, 1_025), erase=False, always_new=True)
    published = tmp_path / "data" / "published.db"
    assert "0.9.77" not in {version for _, _, version, _ in oracle.read(published, VERSIONS)}
    days = [f"2026-11-0{day}" for day in range(2, 6)]
    assert oracle.read(published, ACTIVITY) == [(days[0], 55), *((day, 25) for day in days[1:])]
