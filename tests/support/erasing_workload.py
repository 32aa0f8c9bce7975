"""A scripted life like that of ``workload``: days are sealed and one is removed, an installation is excluded and one
forgotten, and backups are made."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

from telemetry.running import Running
from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from tests.support import oracle
from tests.support.events import Fields, Traffic, encode, installation_id
from tests.support.segments import DAY_S
from tests.support.service import HandClock, service
from tests.support.telling import tell_batch, tell_begun, tell_finished

START = "2026-11-18T12:00:00"
VANDAL, LEAVING = installation_id(1), installation_id(2)


async def live(data_dir: Path) -> None:
    """Acknowledge batches one by one through five days, of which the first is removed in the end."""
    hand = HandClock(START)
    async with service(data_dir, hand, retention_days=3) as started:
        for day in range(5):
            traffic = Traffic(seed=13 + day, moment=hand.now)
            for installation in (None, VANDAL, LEAVING if day <= 3 else None, None):
                batch = [_by(event, installation) for event in traffic.batch(3)]
                await started.service.accept(encode(batch))
                # Whoever is excluded is answered as ever, and nothing is stored.
                if installation != VANDAL or day <= 2:
                    tell_batch(batch)
            await started.publisher.flush()
            if day == 1:
                await asyncio.to_thread(back_up, data_dir)
            if day == 2:
                await erase(started, data_dir, VANDAL, ErasureKind.EXCLUDE)
            if day == 3:
                await erase(started, data_dir, LEAVING, ErasureKind.FORGET)
                # With this day the retention of the first ends, and the service looks by itself every minute.
                tell_begun("retire", [raw for raw in oracle.raw_events(data_dir) if raw.day == START[:10]])
            hand.pass_time(DAY_S)
            await started.upkeep.sealer.check()
        await started.upkeep.retention.check()
        tell_finished("retire")


async def erase(started: Running, data_dir: Path, installation: str, kind: ErasureKind) -> None:
    """Erase an installation, and tell what that takes back."""
    tell_begun(kind, [raw for raw in oracle.raw_events(data_dir) if raw.installation_id == installation])
    await started.upkeep.eraser.erase(ErasureRequest(installation, kind))
    tell_finished(kind)


def back_up(data_dir: Path) -> None:
    """Make a backup beside the data directory, as an operator would; it may be what a kill meets."""
    command = (sys.executable, "-m", "telemetry", "backup", data_dir.with_name("backups"), "--data-dir", data_dir)
    made = subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    assert made.returncode in (0, -signal.SIGKILL)


def _by(event: Fields, installation: str | None) -> Fields:
    return event | {"installationId": installation} if installation else event


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1])))
