"""Windows are closed when their days are sealed, and hold what an oracle says may be public."""

import sqlite3
from contextlib import closing
from pathlib import Path

from telemetry.closing.publication import publish
from telemetry.published.reading import reading_published
from telemetry.published.series import SERIES
from telemetry.published.windows import Period
from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from tests.support import oracle
from tests.support.events import encode, installation_id, make_event, timestamp
from tests.support.public_oracle import check_published
from tests.support.publication import FIRST as START
from tests.support.publication import write_publication
from tests.support.publishing import (
    CATEGORIES,
    Crowd,
    left_over,
    pass_crowded_day,
    production,
    published_bytes,
    send_crowd,
)
from tests.support.segments import overwrite, segment
from tests.support.service import HandClock, service

# A Monday, and the first day of four weeks.
FIRST = "2026-11-02T12:00:00"
COUNT = "SELECT period, count(*) FROM windows GROUP BY period ORDER BY period"


async def test_what_is_published_is_what_the_oracle_admits(data_dir: Path, seed: int) -> None:
    hand, crowd = HandClock(FIRST), Crowd(seed)
    async with service(data_dir, hand, **production()) as started:
        for day in range(8):
            await pass_crowded_day(started, hand, crowd, range(-1, 8 + 2 * day), events=6)
        await started.upkeep.closer.check()
        assert oracle.read(data_dir / "published.db", COUNT) == [("day", 8), ("week", 1)]
        hand.pass_time(21 * 86_400)
        await started.upkeep.closer.check()
        assert (started.upkeep.closer.failed, started.upkeep.closer.late) == (0, 0)

    assert oracle.read(data_dir / "published.db", COUNT) == [("day", 8), ("four_weeks", 1), ("week", 2)]
    events = oracle.raw_events(data_dir)
    assert check_published(data_dir, events) > 50
    public = published_bytes(data_dir)
    for event in events:
        # Nor what tells it apart from others: ids end with what is the same for all in these tests.
        assert event.installation_id == "unknown" or event.installation_id[:23].encode() not in public
    assert b"cobol" not in public
    assert b"beta" not in public
    states = "SELECT DISTINCT state, generation FROM published_windows"
    assert oracle.read(data_dir / "telemetry.db", states) == [("published", 1)]


async def test_nothing_is_published_of_few_installations_and_nothing_before_a_window_has_ended(data_dir: Path) -> None:
    hand, crowd = HandClock(FIRST), Crowd(1)
    async with service(data_dir, hand, **production()) as started:
        await pass_crowded_day(started, hand, crowd, range(4))
        await pass_crowded_day(started, hand, crowd, range(4))
        await send_crowd(started, hand, crowd, range(40))
        await started.upkeep.closer.check()

    assert oracle.read(data_dir / "published.db", COUNT) == [("day", 2)]
    for series in SERIES:
        assert oracle.read(data_dir / "published.db", f"SELECT count(*) FROM {series.name}") == [(0,)]
    assert not any(category.encode() in published_bytes(data_dir) for category in CATEGORIES)


def test_every_table_of_the_file_has_a_comment_that_readers_of_its_schema_see(tmp_path: Path) -> None:
    write_publication(tmp_path / "draft.db", last=START)
    publish(tmp_path / "draft.db", tmp_path / "published.db", 5)

    tables = oracle.read(tmp_path / "published.db", "SELECT name, sql FROM sqlite_master WHERE type = 'table'")
    assert {name for name, _ in tables} == {
        "about",
        "windows",
        "series",
        *(table for one in SERIES for table in one.tables),
    }
    assert [name for name, sql in tables if not sql.startswith(f"CREATE TABLE {name} (\n    -- ")] == []


async def test_an_installation_counts_from_its_second_day_on(data_dir: Path) -> None:
    hand, crowd = HandClock(FIRST), Crowd(1)
    async with service(data_dir, hand, **production()) as started:
        await pass_crowded_day(started, hand, crowd, range(6))
        await pass_crowded_day(started, hand, crowd, range(50))
        await started.upkeep.closer.check()

    with reading_published(data_dir / "published.db") as numbers:
        assert numbers is not None
        assert numbers.complete_up_to() == "2026-11-03"
        assert [window.start for window in numbers.windows(Period.DAY)] == ["2026-11-02", "2026-11-03"]
        seen = [(number.start, number.key, number.installations) for number in numbers.numbers("activity_daily")]
        assert {key[1] for start, key, _ in seen if start == "2026-11-02"} == {"new"}
        assert sum(count for start, _, count in seen if start == "2026-11-03") == 50
        assert sum(number.installations for number in numbers.numbers("versions")) == 6


async def test_in_development_everything_is_published(data_dir: Path) -> None:
    hand, crowd = HandClock(FIRST), Crowd(1)
    async with service(data_dir, hand) as started:
        await pass_crowded_day(started, hand, crowd, range(1), events=40)
        await started.upkeep.closer.check()
    assert check_published(data_dir, oracle.raw_events(data_dir), k=1)


async def test_closing_again_after_any_crash_makes_the_same_bytes(data_dir: Path) -> None:
    hand, crowd = HandClock(FIRST), Crowd(1)
    async with service(data_dir, hand, **production()) as started:
        for _ in range(3):
            await pass_crowded_day(started, hand, crowd, range(12))
        await started.upkeep.closer.check()
    once = published_bytes(data_dir)
    windows = oracle.read(data_dir / "telemetry.db", "SELECT * FROM published_windows")

    # As if the service had been killed before it recorded what was published, and before it was published.
    for leave in (True, False):
        with closing(sqlite3.connect(data_dir / "telemetry.db")) as connection, connection:
            connection.execute("UPDATE published_windows SET state = 'closing', digest = NULL, ledger = NULL")
        if not leave:
            (data_dir / "published.db").unlink()
            (data_dir / "published.db-new").write_bytes(b"half of it")
        async with service(data_dir, hand, **production()) as started:
            await started.upkeep.closer.check()
        assert published_bytes(data_dir) == once
        assert oracle.read(data_dir / "telemetry.db", "SELECT * FROM published_windows") == windows
        assert not left_over(data_dir)


async def test_a_published_window_is_final_though_its_day_is_reached_again(data_dir: Path) -> None:
    hand, crowd = HandClock(FIRST), Crowd(1)
    async with service(data_dir, hand, **production()) as started:
        for _ in range(2):
            await pass_crowded_day(started, hand, crowd, range(12))
        await started.upkeep.closer.check()
        once = published_bytes(data_dir)
        hand.jump(-86_400)
        await pass_crowded_day(started, hand, Crowd(2), range(30))
        await started.upkeep.closer.check()
    assert published_bytes(data_dir) == once


async def test_a_damaged_segment_holds_back_its_windows_alone(data_dir: Path) -> None:
    hand, crowd = HandClock(FIRST), Crowd(1)
    async with service(data_dir, hand, **production()) as started:
        for _ in range(3):
            await pass_crowded_day(started, hand, crowd, range(12))
        broken = segment(data_dir, "2026-11-03")
        whole = broken.read_bytes()
        overwrite(broken, whole[:100] + bytes(len(whole) - 100))
        await started.upkeep.closer.check()
        found = oracle.read(data_dir / "published.db", "SELECT window_start FROM windows ORDER BY 1")
        assert found == [("2026-11-02",), ("2026-11-04",)]
        assert started.upkeep.closer.failed == 1
        overwrite(broken, whole)
        hand.pass_time(3_600)
        await started.upkeep.closer.check()
    assert oracle.read(data_dir / "published.db", COUNT) == [("day", 3)]
    assert check_published(data_dir, oracle.raw_events(data_dir))


async def test_one_odd_payload_costs_its_event_and_not_the_window(data_dir: Path) -> None:
    hand = HandClock(FIRST)
    async with service(data_dir, hand, **production()) as started:
        for _ in range(2):
            for number in range(7):
                event = make_event(
                    installationId=installation_id(number), timestamp=timestamp(hand.now), durationMs=7.5
                )
                await started.service.accept(encode([event]))
            await started.publisher.flush()
            with closing(sqlite3.connect(segment(data_dir, hand.now.date().isoformat()))) as other, other:
                other.execute("UPDATE events SET payload = CAST(x'ff7b' AS TEXT) WHERE id = 1")
                other.execute("UPDATE events SET payload = '[1, 2' WHERE id = 2")
            hand.pass_time(86_400)
            await started.upkeep.sealer.check()
        await started.upkeep.closer.check()

    durations = oracle.read(data_dir / "published.db", "SELECT what, installations, observations FROM durations")
    assert durations == [("incremental_scan", 5, 5)]
    ledger = "SELECT ledger ->> '$.durations.unreadable' FROM published_windows WHERE window_start = '2026-11-03'"
    assert oracle.read(data_dir / "telemetry.db", ledger) == [(2,)]


async def test_an_exclusion_corrects_what_was_published_with_the_next_publication(data_dir: Path) -> None:
    hand, crowd = HandClock(FIRST), Crowd(1)
    vandal = installation_id(3)
    async with service(data_dir, hand, **production()) as started:
        for _ in range(3):
            await pass_crowded_day(started, hand, crowd, range(12))
        await started.upkeep.closer.check()
        once = published_bytes(data_dir)
        await started.upkeep.eraser.erase(ErasureRequest(vandal, ErasureKind.EXCLUDE))
        await started.upkeep.sealer.check()
        await started.upkeep.closer.check()
        # Alone it would show what the vandal had sent.
        assert published_bytes(data_dir) == once
        await pass_crowded_day(started, hand, crowd, range(12))
        await started.upkeep.closer.check()

    generations = "SELECT window_start, generation FROM windows WHERE period = 'day' ORDER BY 1"
    assert oracle.read(data_dir / "published.db", generations) == [
        ("2026-11-02", 2), ("2026-11-03", 2), ("2026-11-04", 2), ("2026-11-05", 1),
    ]  # fmt: skip
    assert check_published(data_dir, oracle.raw_events(data_dir))


async def test_a_window_that_was_published_before_a_restore_is_not_published_otherwise(data_dir: Path) -> None:
    hand, crowd = HandClock(FIRST), Crowd(1)
    async with service(data_dir, hand, **production()) as started:
        await pass_crowded_day(started, hand, crowd, range(12))
        await pass_crowded_day(started, hand, crowd, range(12))
        await started.upkeep.closer.check()
        once = published_bytes(data_dir)
    # The aggregates know nothing of it, as those of an older backup do not.
    with closing(sqlite3.connect(data_dir / "telemetry.db")) as connection, connection:
        connection.execute("DELETE FROM published_windows")
    async with service(data_dir, hand, **production()) as started:
        await started.upkeep.closer.check()
        assert published_bytes(data_dir) == once
    states = oracle.read(data_dir / "telemetry.db", "SELECT DISTINCT state FROM published_windows")
    assert states == [("adopted",)]
