"""A scripted life like that of ``workload``: days end and are sealed, and one of them is reached again."""

import asyncio
import sys
from pathlib import Path

from tests.support.events import Traffic, encode
from tests.support.segments import DAY_S
from tests.support.service import HandClock, service
from tests.support.telling import tell_batch

START = "2026-11-21T12:00:00"


async def live(data_dir: Path) -> None:
    """Acknowledge batches one by one, through two sealed days and a clock that is set back."""
    hand = HandClock(START)
    traffic = Traffic(seed=11, moment=hand.now)
    async with service(data_dir, hand) as started:
        for jump_s in (DAY_S, DAY_S, -DAY_S, DAY_S):
            for _ in range(3):
                batch = traffic.batch(4)
                await started.service.accept(encode(batch))
                tell_batch(batch)
            await started.publisher.flush()
            hand.jump(jump_s)
            await started.upkeep.sealer.check()


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1])))
