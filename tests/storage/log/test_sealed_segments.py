"""What sealed segments are at the next start: read where they must be, and otherwise left alone."""

from pathlib import Path

from tests.support import oracle
from tests.support.commands import lose_aggregates, run
from tests.support.events import Traffic, encode, make_event, timestamp
from tests.support.segments import is_sealed, overwrite, pass_a_day, sealed_days, segment
from tests.support.service import HandClock, service


async def test_a_start_opens_no_sealed_segment(data_dir: Path) -> None:
    hand = HandClock()
    traffic = Traffic(moment=hand.now)
    async with service(data_dir, hand) as started:
        for _ in range(3):
            await pass_a_day(started, hand, traffic)
        await started.service.accept(encode(traffic.batch(2)))
        await started.upkeep.sealer.check()
    sealed = sorted((data_dir / "events").glob("*.db"))[:3]
    assert all(map(is_sealed, sealed))
    contents = [path.read_bytes() for path in sealed]
    for path in sealed:
        overwrite(path, b"whoever opens this finds no database")
    hand.pass_time(3_600)
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(traffic.batch(2)))
        await started.upkeep.sealer.check()
        assert started.upkeep.sealer.failed == 0
    for path, content in zip(sealed, contents, strict=True):
        overwrite(path, content)

    assert len(oracle.check(data_dir)) == 19


async def test_duplicates_of_a_sealed_yesterday_are_recognised_after_a_restart(data_dir: Path) -> None:
    hand = HandClock("2026-11-23T23:57:00")
    body = encode([make_event(timestamp=timestamp(hand.now))])
    async with service(data_dir, hand) as started:
        await started.service.accept(body)
        await started.publisher.flush()
        hand.pass_time(240)
        await started.upkeep.sealer.check()
    assert sealed_days(data_dir) == ["2026-11-23"]
    async with service(data_dir, hand) as started:
        await started.service.accept(body)

    assert len(oracle.check(data_dir)) == 1
    assert is_sealed(segment(data_dir, "2026-11-23"))


async def test_a_sealed_segment_that_became_writable_is_looked_at_and_sealed_again(data_dir: Path) -> None:
    hand = HandClock()
    traffic = Traffic(moment=hand.now)
    async with service(data_dir, hand) as started:
        await pass_a_day(started, hand, traffic)
        await started.upkeep.sealer.check()
    segment(data_dir, "2026-11-23").chmod(0o644)
    async with service(data_dir, hand) as started:
        assert sealed_days(data_dir) == []
        await started.upkeep.sealer.check()

    assert is_sealed(segment(data_dir, "2026-11-23"))
    oracle.check(data_dir)


async def test_lost_aggregates_are_rebuilt_from_sealed_segments_too(data_dir: Path) -> None:
    hand = HandClock()
    traffic = Traffic(moment=hand.now)
    async with service(data_dir, hand) as started:
        for _ in range(4):
            await pass_a_day(started, hand, traffic)
        await started.upkeep.sealer.check()
    lose_aggregates(data_dir)
    async with service(data_dir, hand) as started:
        await started.upkeep.sealer.check()

    assert len(sealed_days(data_dir)) == 4
    assert len(oracle.check(data_dir)) == 20


async def test_migrate_names_sealed_segments_and_leaves_them_sealed(data_dir: Path) -> None:
    hand = HandClock()
    traffic = Traffic(moment=hand.now)
    async with service(data_dir, hand) as started:
        await pass_a_day(started, hand, traffic)
        await started.upkeep.sealer.check()
        await started.service.accept(encode(traffic.batch(1)))

    printed = run("migrate", "--data-dir", str(data_dir))

    assert printed.stdout.splitlines()[1:] == ["events/2026-11-23.db  version 1", "events/2026-11-24.db  version 1"]
    assert is_sealed(segment(data_dir, "2026-11-23"))
