"""Days of many installations, sealed and published as the service does it."""

import asyncio
import random
from datetime import datetime
from pathlib import Path
from typing import Any

from telemetry.running import Running
from tests.support.events import Fields, encode, installation_id, make_event, timestamp
from tests.support.segments import DAY_S
from tests.support.service import HandClock, service

CATEGORIES = ("api", "auth", "styling", "performance", "security")


class Crowd:
    """Installations that send events of every type, each according to its number."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def batch(self, number: int, moment: datetime, events: int) -> list[Fields]:
        """Return events of one installation."""
        return [self._event(number, moment, copy) for copy in range(events)]

    def _event(self, number: int, moment: datetime, copy: int) -> Fields:
        chosen = self.random
        kind = chosen.choice(
            ["pattern_signature", "user_action", "scan_completion", "aggregate_stats", "invented_type"]
        )
        # Few choose the last ones.
        skewed = min(int(chosen.expovariate(1.0)), 4)
        changes: dict[str, Fields] = {
            "pattern_signature": {
                "signatureHash": f"{skewed:016x}", "category": CATEGORIES[skewed],
                "language": ("ts", "py", "go", "typescript", "cobol")[skewed], "confidence": round(chosen.random(), 2),
            },
            "user_action": {
                "action": chosen.choice(["approve", "ignore"]), "category": CATEGORIES[skewed],
                "confidenceAtAction": round(chosen.random(), 2), "isBulkAction": chosen.random() < 0.2,
            },
            "scan_completion": {"durationMs": chosen.randrange(1, 100_000), "isIncremental": skewed > 1},
            "aggregate_stats": {
                "codebaseSizeTier": ("small", "medium", "large", "enterprise", "small")[skewed],
                "frameworks": ["express"] * (skewed > 0),
            },
            "invented_type": {"value": copy},
        }  # fmt: skip
        return make_event(
            kind,
            installationId="unknown" if number < 0 else installation_id(number),
            timestamp=timestamp(moment, milliseconds=-copy - 1),
            driftVersion=("0.9.48", "0.9.49", "0.10.0", "0.0.0", "0.9.50-beta.1")[skewed],
            **changes[kind],
        )


async def pass_crowded_day(started: Running, hand: HandClock, crowd: Crowd, numbers: range, *, events: int = 5) -> None:
    """Have each of some installations send events, and let the day be over and sealed."""
    await send_crowd(started, hand, crowd, numbers, events=events)
    hand.pass_time(DAY_S)
    await started.upkeep.sealer.check()


async def send_crowd(started: Running, hand: HandClock, crowd: Crowd, numbers: range, *, events: int = 5) -> None:
    """Have each of some installations send events today, and count them."""
    batches = [crowd.batch(number, hand.now, events) for number in numbers]
    await asyncio.gather(*(started.service.accept(encode(batch)) for batch in batches))
    await started.publisher.flush()


async def publish_four_weeks(data_dir: Path) -> None:
    """Have every series published of one window of each length, the last day being 2026-11-29."""
    hand, crowd = HandClock("2026-11-02T12:00:00"), Crowd(1)
    async with service(data_dir, hand, **production()) as started:
        for _ in range(3):
            await pass_crowded_day(started, hand, crowd, range(40), events=9)
        hand.pass_time(25 * DAY_S)
        await started.upkeep.sealer.check()
        await started.upkeep.closer.check()


def production(**changes: Any) -> dict[str, Any]:
    """Return settings under which a number counts at least five installations."""
    return {"environment": "production"} | changes


def published_bytes(data_dir: Path) -> bytes:
    """Return the file of public numbers."""
    return (data_dir / "published.db").read_bytes()


def left_over(data_dir: Path) -> list[str]:
    """Return what a closing has left besides its result."""
    return [path.name for path in data_dir.iterdir() if "closing" in path.name or path.name.endswith("-new")]
