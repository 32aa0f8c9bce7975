"""Numbers about patterns, decisions and durations are of people; those of pipelines and agents are beside them."""

from pathlib import Path
from typing import Any, Literal

from telemetry.published.proof import unproved
from telemetry.published.reading import reading_published
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.web.api.answers import read_decisions, read_durations
from telemetry.web.api.questions import DecisionsQuestion, DurationsQuestion
from tests.support import oracle
from tests.support.events import Fields, encode, installation_id, make_event, timestamp
from tests.support.public_oracle import check_published
from tests.support.publishing import production
from tests.support.segments import DAY_S
from tests.support.service import HandClock, service

Callers = Literal["regular", "ci", "agent"]
# A Monday, and the first day of four weeks.
FIRST = "2026-11-02T12:00:00"
PEOPLE, PIPELINES, AGENTS = range(6), range(10, 16), range(20, 25)
# People and pipelines share the id that their project commits.
SHARED = range(30, 33)


def used(number: int, hand: HandClock, duration_ms: int, action: str, context: Any = ...) -> list[Fields]:
    """Return a scan, a pattern and a decision of an installation."""
    common = {"installationId": installation_id(number), "timestamp": timestamp(hand.now), "context": context}
    return [
        make_event("scan_completion", durationMs=duration_ms, isIncremental=False, **common),
        make_event("pattern_signature", category="auth", language="ts", **common),
        make_event("user_action", action=action, category="auth", confidenceAtAction=0.9, **common),
    ]


def day_of_all(hand: HandClock) -> list[Fields]:
    events = [event for number in [*PEOPLE, *SHARED] for event in used(number, hand, 1_000, "approve")]
    for number in PIPELINES:
        events.append(make_event("ci_detected", installationId=installation_id(number), timestamp=timestamp(hand.now)))
        events += used(number, hand, 60_000, "dismiss")
    events += [event for number in AGENTS for event in used(number, hand, 20_000, "fix", "agent")]
    events += [event for number in SHARED for event in used(number, hand, 60_000, "dismiss", "ci")]
    return events


async def test_headline_numbers_are_of_people_and_others_are_beside_them(data_dir: Path) -> None:
    hand = HandClock(FIRST)
    async with service(data_dir, hand, **production()) as started:
        for _ in range(2):
            events = day_of_all(hand)
            for start in range(0, len(events), 100):
                await started.service.accept(encode(events[start : start + 100]))
            await started.publisher.flush()
            hand.pass_time(DAY_S)
            await started.upkeep.sealer.check()
        hand.pass_time(26 * DAY_S)
        await started.upkeep.closer.check()

    path = data_dir / "published.db"
    assert check_published(data_dir, oracle.raw_events(data_dir)) > 0
    assert unproved(DataDirectory(data_dir)) == []
    day = "SELECT {} FROM {} WHERE window_start = '2026-11-03'"
    assert oracle.read(path, day.format("what, installations, observations", "durations")) == [("scan", 9, 9)]
    automated = "cohort, what, installations, observations"
    assert oracle.read(path, day.format(automated, "automated_durations")) == [
        ("agent", "scan", 5, 5), ("ci", "scan", 9, 9),
    ]  # fmt: skip
    assert oracle.read(path, "SELECT language, category, installations FROM patterns") == [("typescript", "auth", 9)]
    assert oracle.read(path, "SELECT cohort, category, installations FROM automated_patterns") == [
        ("agent", "auth", 5), ("ci", "auth", 9),
    ]  # fmt: skip
    assert oracle.read(path, "SELECT installations, judged, accepted FROM decisions") == [(9, 9, 9)]
    assert oracle.read(path, "SELECT cohort, judged, accepted FROM automated_decisions") == [
        ("agent", 5, 5), ("ci", 9, 0),
    ]  # fmt: skip
    for table in ("decisions_by_version", "decisions_by_bulk", "signatures"):
        assert oracle.read(path, f"SELECT installations FROM {table}") == [(9,)]
    check_answers(path)


def check_answers(path: Path) -> None:
    """Assert that the read API tells people from pipelines and agents."""
    with reading_published(path) as numbers:
        assert numbers is not None
        asked: list[tuple[Callers, int, int]] = [("regular", 1_000, 1), ("agent", 20_000, 1), ("ci", 60_000, 0)]
        for cohort, milliseconds, approval in asked:
            whole, _ = read_durations(numbers, DurationsQuestion(cohort=cohort)).rows
            (row,) = read_decisions(numbers, DecisionsQuestion(cohort=cohort)).rows
            assert whole.p95_ms is not None
            assert abs(whole.p95_ms - milliseconds) <= 0.05 * milliseconds
            assert row.approval == approval
