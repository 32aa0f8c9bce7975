"""A scripted life like that of ``workload``: days end and are sealed, and one of them is reached again."""

import asyncio
import json
import os
import sys
from pathlib import Path

from tests.support.events import Traffic, encode
from tests.support.segments import DAY_S
from tests.support.service import HandClock, service

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
                os.write(1, json.dumps(batch).encode())
            await started.publisher.flush()
            hand.jump(jump_s)
            await started.upkeep.sealer.check()


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1])))
