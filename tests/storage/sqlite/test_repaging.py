"""Aggregates of an older program, which had larger pages, are written again when a program opens their directory."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.operator_errors import DamagedError
from telemetry.owning import migrate_all
from telemetry.settings import Settings
from tests.support import oracle
from tests.support.disks import memory_disk, needs_root
from tests.support.events import Traffic, encode
from tests.support.service import HandClock, service

LARGE, SMALL = 16_384, 4_096
# Kills the process while the copy is made, or when a function of the module is called.
_BE_KILLED = """
import asyncio, itertools, os, signal, sys
from telemetry.owning import data_directory
from telemetry.settings import Settings
from telemetry.storage.sqlite import repaging
data_dir, moment = sys.argv[1:]
asked = itertools.count()
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
def progress(): moment == "copying" and next(asked) == 5 and die()
async def open():
    async with data_directory(Settings(data_dir=data_dir), on_progress=progress): pass
repaging._INSTRUCTIONS_PER_CALL = 10
if moment != "copying": setattr(repaging, moment, die)
asyncio.run(open())
"""


def pages(data_dir: Path) -> int:
    return int(oracle.read(data_dir / "telemetry.db", "PRAGMA page_size")[0][0])


def content(data_dir: Path) -> list[str]:
    with closing(sqlite3.connect(data_dir / "telemetry.db")) as connection:
        return list(connection.iterdump())


def older(data_dir: Path) -> HandClock:
    """Leave a day as the program before would have left it."""
    hand = HandClock()
    live(data_dir, hand, batches=3)
    enlarge(data_dir)
    return hand


def live(data_dir: Path, hand: HandClock, batches: int) -> None:
    asyncio.run(_live(data_dir, hand, batches))


async def _live(data_dir: Path, hand: HandClock, batches: int) -> None:
    async with service(data_dir, hand) as started:
        for _ in range(batches):
            hand.pass_time(1)
            await started.service.accept(encode(Traffic(moment=hand.now).batch(100)))


def migrate(data_dir: Path) -> None:
    asyncio.run(migrate_all(Settings(data_dir=str(data_dir))))


def enlarge(data_dir: Path) -> None:
    with closing(sqlite3.connect(data_dir / "telemetry.db", isolation_level=None)) as connection:
        connection.executescript(
            f"PRAGMA journal_mode = DELETE; PRAGMA page_size = {LARGE}; VACUUM; PRAGMA journal_mode = WAL;"
        )
    assert pages(data_dir) == LARGE


def test_a_start_writes_them_in_small_pages_and_keeps_what_they_hold(data_dir: Path) -> None:
    hand = older(data_dir)
    before = content(data_dir)
    (data_dir / "telemetry.db").chmod(0o640)

    migrate(data_dir)

    assert (pages(data_dir), content(data_dir)) == (SMALL, before)
    assert (data_dir / "telemetry.db").stat().st_mode & 0o777 == 0o640
    assert not list(data_dir.glob("scratch-*"))
    live(data_dir, hand, batches=1)
    oracle.check(data_dir)


def test_a_kill_at_any_moment_leaves_them_whole_and_the_next_start_goes_on(data_dir: Path) -> None:
    hand = older(data_dir)
    before = content(data_dir)
    for moment, left in (("copying", LARGE), ("sync_file", LARGE), ("sync_folder", SMALL)):
        killed = subprocess.run([sys.executable, "-c", _BE_KILLED, data_dir, moment], check=False)
        assert (killed.returncode, pages(data_dir), content(data_dir)) == (-signal.SIGKILL, left, before), moment

    live(data_dir, hand, batches=1)
    assert not list(data_dir.glob("scratch-*"))
    assert pages(data_dir) == SMALL
    oracle.check(data_dir)


def test_a_reader_in_the_way_puts_it_off(data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    hand = older(data_dir)
    with closing(sqlite3.connect(data_dir / "telemetry.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM daily_stats").fetchall()
        live(data_dir, hand, batches=1)
        assert pages(data_dir) == LARGE
    assert "another program reads it" in str([vars(record) for record in caplog.records])

    live(data_dir, hand, batches=0)
    assert pages(data_dir) == SMALL
    oracle.check(data_dir)


@needs_root
def test_without_room_for_a_copy_they_stay_as_they_are(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with memory_disk(tmp_path / "disk", size="30m") as disk:
        hand = older(disk / "data")
        live(disk / "data", hand, batches=1)
        assert pages(disk / "data") == LARGE
        oracle.check(disk / "data")
    assert "are free" in str([vars(record) for record in caplog.records])


def test_aggregates_of_a_newer_program_are_not_touched(data_dir: Path) -> None:
    older(data_dir)
    with closing(sqlite3.connect(data_dir / "telemetry.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = (data_dir / "telemetry.db").read_bytes()

    with pytest.raises(DamagedError, match="schema version 99"):
        migrate(data_dir)

    assert (data_dir / "telemetry.db").read_bytes() == before


def test_a_link_is_left_alone(data_dir: Path, tmp_path: Path) -> None:
    older(data_dir)
    elsewhere = (data_dir / "telemetry.db").rename(tmp_path / "elsewhere.db")
    (data_dir / "telemetry.db").symlink_to(elsewhere)

    migrate(data_dir)

    assert pages(data_dir) == LARGE
    assert (data_dir / "telemetry.db").is_symlink()
