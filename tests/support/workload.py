"""A scripted life of a service, to be recorded by its system calls: appends, flushes, midnight, stop, start again."""

import asyncio
import sys
from pathlib import Path

from tests.support.events import Traffic, encode
from tests.support.service import HandClock, service
from tests.support.telling import tell_batch

MOMENT = "2026-11-23T23:59:55"


async def live(data_dir: Path, synchronous: str = "FULL") -> None:
    """Acknowledge batches one by one, across a midnight and a restart."""
    hand = HandClock(MOMENT)
    traffic = Traffic(seed=7, moment=hand.now)
    for _ in range(2):
        async with service(data_dir, hand, synchronous=synchronous) as started:
            for number in range(8):
                batch = traffic.batch(4)
                await started.service.accept(encode(batch))
                tell_batch(batch)
                hand.pass_time(1)
                if number % 3 == 0:
                    await started.publisher.flush()


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1]), *sys.argv[2:]))
