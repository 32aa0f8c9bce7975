"""Pairs of category and action beyond the bound are counted together, and every recount agrees."""

from pathlib import Path
from typing import Any

from telemetry.counting.aggregates import ACTION_AGGREGATES
from telemetry.counting.names import Names
from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from tests.support import oracle
from tests.support.commands import succeed
from tests.support.events import Fields, encode, make_event, timestamp
from tests.support.service import HandClock, service

PAIRS_MAX = ACTION_AGGREGATES.names_max
VANDAL, HONEST = "5387623e-62a8-468c-9fbe-92f1c6a8b775", "0c8d2bb5-3d7a-4d1e-8a60-6f6d3e3a8f10"
OTHERS = "SELECT coalesce(sum(count), 0) FROM action_aggregates WHERE category = 'other' AND action = 'other'"
TOTALS = "SELECT sum(count), sum(hours) FROM action_aggregates"


def decisions(hand: HandClock, numbers: range, installation: str = HONEST, **changes: Any) -> list[Fields]:
    return [
        make_event(
            "user_action",
            **({"category": f"category-{number}", "hoursSinceDiscovery": 1} | changes),
            installationId=installation,
            timestamp=timestamp(hand.now, milliseconds=-number),
        )
        for number in numbers
    ]


async def post(started: Any, events: list[Fields]) -> None:
    for first in range(0, len(events), 100):
        await started.service.accept(encode(events[first : first + 100]))
    await started.publisher.flush()


def test_the_first_pairs_are_counted_by_name_and_later_ones_as_others() -> None:
    pairs = Names(ACTION_AGGREGATES, names_max=2)

    assert pairs.counted_as("a", "approve") == ("a", "approve")
    assert pairs.counted_as("a", "ignore") == ("a", "ignore")
    assert pairs.counted_as("b", "approve") == ("other", "other")
    assert pairs.counted_as("a", "ignore") == ("a", "ignore")


async def test_a_restart_admits_what_was_admitted_and_totals_stay_exact(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as started:
        await post(started, decisions(hand, range(PAIRS_MAX - 10)))
    async with service(data_dir, hand) as started:
        await post(started, decisions(hand, range(PAIRS_MAX - 20, PAIRS_MAX + 90)))
        hand.pass_time(86_400)
        await post(started, decisions(hand, range(PAIRS_MAX - 1, PAIRS_MAX + 1)))

    oracle.check(data_dir)
    assert oracle.read(data_dir / "telemetry.db", OTHERS) == [(91,)]
    # Ten of the second batch had been sent before.
    assert oracle.read(data_dir / "telemetry.db", TOTALS) == [(PAIRS_MAX + 92, PAIRS_MAX + 92)]
    succeed("check", "--data-dir", data_dir)


async def test_room_that_an_exclusion_makes_is_used_and_recounts_agree(data_dir: Path) -> None:
    hand = HandClock()
    late = range(PAIRS_MAX + 50, PAIRS_MAX + 60)
    async with service(data_dir, hand) as started:
        await post(started, decisions(hand, range(PAIRS_MAX + 30), VANDAL, hoursSinceDiscovery=5))
        hand.pass_time(60)
        await post(started, decisions(hand, late, confidenceAtAction=0.9))
        await post(started, decisions(hand, range(PAIRS_MAX + 20, PAIRS_MAX + 40), VANDAL))
        await started.upkeep.eraser.erase(ErasureRequest(VANDAL, ErasureKind.EXCLUDE))
    assert oracle.read(data_dir / "telemetry.db", OTHERS) == [(10,)]
    succeed("check", "--data-dir", data_dir)

    hand.pass_time(60)
    async with service(data_dir, hand) as started:
        await post(started, decisions(hand, late, hoursSinceDiscovery=7))

    assert oracle.read(data_dir / "telemetry.db", OTHERS) == [(10,)]
    assert oracle.read(data_dir / "telemetry.db", TOTALS) == [(20, 80)]
    succeed("check", "--data-dir", data_dir)
