"""A scripted life like that of ``workload``: days are sealed and one is removed, an installation is excluded and one
forgotten, and backups are made.

Besides the acknowledged events it tells what is no obligation any more, before it may be gone.
"""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

from telemetry.storage.eraser import ErasureRequest, Kind
from tests.support.events import Fields, Traffic, encode
from tests.support.segments import DAY_S
from tests.support.service import HandClock, service

START = "2026-11-18T12:00:00"
VANDAL, LEAVING = "a" * 32, "b" * 32


async def live(data_dir: Path) -> None:
    """Acknowledge batches one by one through five days, of which the first is removed in the end."""
    hand = HandClock(START)
    async with service(data_dir, hand, retention_days=3) as started:
        for day in range(5):
            traffic = Traffic(seed=13 + day, moment=hand.now)
            for installation in (None, VANDAL, LEAVING, None):
                batch = [_by(event, installation) for event in traffic.batch(3)]
                await started.service.accept(encode(batch))
                tell(batch)
            await started.publisher.flush()
            if day == 1:
                await asyncio.to_thread(back_up, data_dir)
            if day == 2:
                tell([{"gone": VANDAL}])
                await started.upkeep.eraser.erase(ErasureRequest(VANDAL, Kind.EXCLUDE))
            if day == 3:
                tell([{"gone": LEAVING}])
                await started.upkeep.eraser.erase(ErasureRequest(LEAVING, Kind.FORGET))
            hand.pass_time(DAY_S)
            await started.upkeep.sealer.check()
        tell([{"gone": START[:10]}])
        await started.upkeep.retention.check()


def back_up(data_dir: Path) -> None:
    """Make a backup beside the data directory, as an operator would."""
    command = (sys.executable, "-m", "telemetry", "backup", data_dir.with_name("backups"), "--data-dir", data_dir)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def tell(told: list[Fields]) -> None:
    """Write what the recording is to hold in order with the writes."""
    os.write(1, json.dumps(told).encode())


def _by(event: Fields, installation: str | None) -> Fields:
    return event | {"installationId": installation} if installation else event


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1])))
