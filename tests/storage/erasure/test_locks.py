"""SQLite holds a lock on each open database, which says that its write-ahead log is in use; nothing may drop it."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from tests.support import oracle
from tests.support.events import Traffic, encode, installation_id
from tests.support.segments import pass_a_day, segment
from tests.support.service import HandClock, service

LEAVING = installation_id(2)
OPEN_AND_CLOSE = """
import sqlite3, sys
for path in sys.argv[1:]:
    connection = sqlite3.connect(path)
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    connection.close()
"""


def locked(path: Path) -> bool:
    """Tell whether this process has a lock on a file."""
    wanted = f"{os.getpid()} {path.stat().st_ino}"
    locks = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    return any(f"{fields[4]} {fields[5].rpartition(':')[2]}" == wanted for fields in locks if fields[1] == "POSIX")


async def test_the_locks_are_kept_and_another_program_takes_no_log_away_whatever_the_service_has_done(
    data_dir: Path,
) -> None:
    hand = HandClock()
    traffic = Traffic(moment=hand.now)
    today, aggregates = segment(data_dir, "2026-11-24"), data_dir / "telemetry.db"
    async with service(data_dir, hand) as started:
        await pass_a_day(started, hand, traffic)
        leaving = [event | {"installationId": LEAVING} for event in traffic.batch(5)]
        await started.service.accept(encode(leaving))
        await started.publisher.flush()
        for kind in (ErasureKind.FORGET, ErasureKind.EXCLUDE):
            await started.upkeep.eraser.erase(ErasureRequest(LEAVING, kind))
            assert (locked(today), locked(aggregates)) == (True, True)
        await started.upkeep.sealer.check()
        await started.upkeep.retention.check()
        await started.upkeep.budget.check()
        assert (locked(today), locked(aggregates)) == (True, True)

        command = [sys.executable, "-c", OPEN_AND_CLOSE, str(today), str(aggregates)]
        await asyncio.to_thread(subprocess.run, command, check=True)
        await started.service.accept(encode(traffic.batch(5)))
        assert today.with_name(f"{today.name}-wal").exists()
    assert len([raw for raw in oracle.raw_events(data_dir) if raw.day == "2026-11-24"]) == 5
