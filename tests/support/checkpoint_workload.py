"""A scripted life like that of ``workload``, with groups of several requests and a write-ahead log that is often begun
anew, over what it held."""

import asyncio
import sys
from pathlib import Path
from unittest import mock

from telemetry.intake.service import TelemetryService
from telemetry.storage.sqlite import database
from tests.support.events import Fields, Traffic, encode
from tests.support.service import HandClock, service
from tests.support.telling import tell_batch

MOMENT = "2026-11-23T12:00:00"
# Twelve pages of a segment.
CHECKPOINT_BYTES = 12 * 16_384


async def live(data_dir: Path) -> None:
    """Acknowledge three batches at a time."""
    hand = HandClock(MOMENT)
    traffic = Traffic(seed=17, moment=hand.now)
    async with service(data_dir, hand) as started:
        for number in range(40):
            await asyncio.gather(*(accept(started.service, traffic.batch(5)) for _ in range(3)))
            hand.pass_time(1)
            if number % 7 == 0:
                await started.publisher.flush()


async def accept(accepting: TelemetryService, batch: list[Fields]) -> None:
    """Have a batch acknowledged, and tell it."""
    await accepting.accept(encode(batch))
    tell_batch(batch)


if __name__ == "__main__":
    with mock.patch.object(database, "CHECKPOINT_BYTES", CHECKPOINT_BYTES):
        asyncio.run(live(Path(sys.argv[1])))
