"""Signatures are stored by the numbers of their labels, and read as if they were not."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from telemetry.storage.sqlite.queries import scripts
from tests.support import oracle
from tests.support.commands import succeed
from tests.support.events import Traffic, encode, make_event, timestamp
from tests.support.older import make_older
from tests.support.service import HandClock, service

VERSION_BEFORE = 18
LABELS = "SELECT language, rows FROM signature_labels ORDER BY 1, 2"
SHOWN = (
    "SELECT * FROM signature_counts ORDER BY 1, 2, 3, 4, 5",
    "SELECT * FROM pattern_signatures ORDER BY 1",
    "SELECT * FROM signature_counts_days ORDER BY 1",
)
_UPGRADE_AND_BE_KILLED = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.executescript("PRAGMA cache_size = 1; BEGIN IMMEDIATE;" + sys.stdin.read())
os.kill(os.getpid(), 9)
"""


async def left_before(data_dir: Path, tmp_path: Path) -> list[list[tuple[object, ...]]]:
    """Leave a day's events as the program before would have; return what it would have shown."""
    hand = HandClock()
    async with service(data_dir, hand) as started:
        for seed in range(3):
            await started.service.accept(encode(Traffic(seed, moment=hand.now).batch(100)))
    make_older(data_dir, VERSION_BEFORE, tmp_path / "newest.db")
    with closing(sqlite3.connect(data_dir / "telemetry.db")) as connection, connection:
        connection.execute("UPDATE signature_counts SET sent_by = '*' WHERE language = 'go'")
    return shown(data_dir)


def shown(data_dir: Path) -> list[list[tuple[object, ...]]]:
    return [oracle.read(data_dir / "telemetry.db", rows) for rows in SHOWN]


@pytest.mark.parametrize("killed", [False, True])
def test_an_upgrade_shows_what_was_there(data_dir: Path, tmp_path: Path, *, killed: bool) -> None:
    before = asyncio.run(left_before(data_dir, tmp_path))
    if killed:
        path, script = data_dir / "telemetry.db", scripts("aggregates")[VERSION_BEFORE]
        command = [sys.executable, "-c", _UPGRADE_AND_BE_KILLED, str(path)]
        ended = subprocess.run(command, input=script.encode(), check=False)
        assert ended.returncode == -signal.SIGKILL
        assert path.with_name("telemetry.db-wal").stat().st_size
        assert shown(data_dir) == before

    succeed("migrate", "--data-dir", data_dir)

    assert shown(data_dir) == before
    assert oracle.read(data_dir / "telemetry.db", "PRAGMA user_version") > [(VERSION_BEFORE,)]
    oracle.check(data_dir)
    succeed("check", "--full", "--data-dir", data_dir)


async def test_labels_leave_with_the_last_row_that_has_them(data_dir: Path) -> None:
    hand = HandClock()
    own = make_event("pattern_signature", language="cobol", timestamp=timestamp(hand.now))
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(Traffic(moment=hand.now).batch(50)))
        await started.service.accept(encode([own]))
        await started.publisher.flush()
        labels = oracle.read(data_dir / "telemetry.db", LABELS)
        await started.upkeep.eraser.erase(ErasureRequest(str(own["installationId"]), ErasureKind.EXCLUDE))
        left = oracle.read(data_dir / "telemetry.db", LABELS)

    assert [one for one in labels if one not in left] == [("cobol", 1)]
    oracle.check(data_dir, erased=True)
