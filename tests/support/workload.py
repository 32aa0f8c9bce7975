"""A scripted life of a service, to be recorded by its system calls: appends, flushes, midnight, stop, start again.

Every acknowledgement is written to standard output, so that the recording has it in order with the writes.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from tests.support.events import Traffic, encode
from tests.support.service import HandClock, service

MOMENT = "2026-11-23T23:59:55"


async def live(data_dir: Path) -> None:
    """Acknowledge batches one by one, across a midnight and a restart."""
    hand = HandClock(MOMENT)
    traffic = Traffic(seed=7, moment=hand.now)
    for _ in range(2):
        async with service(data_dir, hand) as started:
            for number in range(8):
                batch = traffic.batch(4)
                await started.service.accept(encode(batch))
                os.write(1, json.dumps(batch).encode())
                hand.pass_time(1)
                if number % 3 == 0:
                    await started.publisher.flush()


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1])))
