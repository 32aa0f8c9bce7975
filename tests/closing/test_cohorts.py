"""Pipelines and agents are cohorts of their own, and take nothing from those whom people use."""

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from telemetry.catalogue.wire import Wire
from telemetry.published.folding import fold
from tests.published.test_folding import K, Tree
from tests.support import oracle
from tests.support.events import Fields, encode, installation_id, make_event, timestamp
from tests.support.events_v2 import encode_bare, make_event_v2
from tests.support.public_oracle import check_published
from tests.support.publishing import production
from tests.support.segments import DAY_S
from tests.support.service import HandClock, service

DAY = "2026-11-25"
PIPELINES, AGENTS, MIXED = range(20, 26), range(30, 35), range(40, 42)


def events_of_v2(hand: HandClock, pipelines: range) -> list[Fields]:
    """Return a day of pipelines, of agents, and of projects that pipelines, agents and people share."""
    sent: list[tuple[int, str, Any]] = [(number, "ci_detected", ...) for number in [*pipelines, *MIXED]]
    sent += [(number, "cli_command", "agent") for number in [*AGENTS, *MIXED]]
    sent += [(number, "cli_command", "human") for number in MIXED]
    sent += [(number, "scan_completed", ...) for number in pipelines]
    now = int(hand.now.timestamp())
    return [
        make_event_v2(kind, anonymous_id=installation_id(number), context=context, timestamp=now)
        for number, kind, context in sent
    ]


async def published(data_dir: Path, pipelines: range) -> dict[str, int]:
    """Let three days pass, and return the installations of the last one by cohort."""
    hand = HandClock("2026-11-23T12:00:00")
    async with service(data_dir, hand, **production()) as started:
        for _ in range(3):
            regular = [
                make_event(installationId=installation_id(number), timestamp=timestamp(hand.now))
                for number in range(20)
            ]
            await started.service.accept(encode(regular))
            await started.service.accept(encode_bare(events_of_v2(hand, pipelines)), wire=Wire.V2)
            await started.publisher.flush()
            hand.pass_time(DAY_S)
            await started.upkeep.sealer.check()
        await started.upkeep.closer.check()
    assert check_published(data_dir, oracle.raw_events(data_dir)) > 0
    sql = f"SELECT cohort, sum(installations) FROM versions WHERE window_start = '{DAY}' GROUP BY cohort"
    daily = sql.replace("versions", "activity_daily")
    counts = dict(oracle.read(data_dir / "published.db", sql))
    assert dict(oracle.read(data_dir / "published.db", daily)) == counts
    return counts


async def test_what_only_pipelines_or_agents_use_is_counted_apart(data_dir: Path) -> None:
    assert await published(data_dir, PIPELINES) == {"regular": 22, "ci": 6, "agent": 5}


async def test_few_pipelines_are_withheld_and_take_no_name(data_dir: Path) -> None:
    assert await published(data_dir, PIPELINES[:3]) == {"regular": 22, "agent": 5}


@given(
    voices=st.dictionaries(
        st.integers(0, 30), st.tuples(st.sampled_from(["regular", "ci", "agent"]), st.sampled_from(["1", "2"]))
    ).map(lambda paths: set(paths.items()))
)
def test_a_cohort_has_its_name_whenever_it_is_large_enough(voices: set[tuple[int, tuple[str, ...]]]) -> None:
    tree = Tree(voices)
    leaves = list(fold(tree.node(()), tree.children, 2, K, exclusive=True, by_cohort=True))

    sizes = {cohort: len(tree.below[cohort,]) for cohort in ("regular", "ci", "agent")}
    large = {cohort for cohort, size in sizes.items() if size >= K}
    few = sum(size for size in sizes.values() if size < K)
    assert {leaf.path[0] for leaf in leaves} - {"other"} == large
    assert all(leaf.installations >= K for leaf in leaves)
    assert sum(leaf.installations for leaf in leaves if leaf.path[0] == "other") in ({few} if few >= K else {0})
