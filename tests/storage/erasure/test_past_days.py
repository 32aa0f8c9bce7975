"""Events of a day that is over are erased by the process that seals, and the service goes on beside it."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.operator_errors import InUseError
from telemetry.running import Running
from telemetry.storage.erasure import deleting
from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from telemetry.storage.log import erasing
from telemetry.storage.log.segment import Segment
from tests.storage.erasure.test_erasing import START, VANDAL, files_with, of_vandal, wrong_numbers
from tests.support import oracle
from tests.support.events import Traffic, encode
from tests.support.oracle import read
from tests.support.segments import DAY_S, is_running, is_sealed, make_segment, sealed_days, sealing_stopped, segment
from tests.support.service import HandClock, service

FIRST, SECOND = "2026-11-20", "2026-11-21"
EXCLUDING, FORGETTING = (ErasureRequest(VANDAL, kind) for kind in (ErasureKind.EXCLUDE, ErasureKind.FORGET))

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs the Debian package strace")


async def a_sealed_day(started: Running, hand: HandClock) -> None:
    """Have the vandal and others send events on a day, which is sealed, and on the next one."""
    for seed in (1, 2):
        await started.service.accept(encode(of_vandal(Traffic(seed=seed, moment=hand.now).batch(20))))
        await started.service.accept(encode(Traffic(seed=seed + 10, moment=hand.now).batch(20)))
        await started.publisher.flush()
        if seed == 1:
            hand.pass_time(DAY_S)
            await started.upkeep.sealer.check()


async def test_a_sealed_day_is_never_opened_by_the_service_and_is_sealed_when_its_events_are_erased(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = HandClock(START)
    lent: list[str] = []
    async with service(data_dir, hand) as started:
        await a_sealed_day(started, hand)
        archive = started.upkeep.sealer._archive
        lend = archive.lend

        async def noted(day: str) -> Segment:
            lent.append(day)
            return await lend(day)

        monkeypatch.setattr(archive, "lend", noted)
        erased = await started.upkeep.eraser.erase(EXCLUDING)
        assert erased.events == {FIRST: 20, SECOND: 20}
        assert FIRST not in lent
        assert is_sealed(segment(data_dir, FIRST))
        assert files_with(data_dir, VANDAL) == []

    assert sealed_days(data_dir) == [FIRST]
    assert read(segment(data_dir, FIRST), "SELECT count(*) FROM events") == [(20,)]
    oracle.check(data_dir, erased=True)


async def test_a_day_that_ended_a_moment_ago_is_erased_from_and_sealed_too(data_dir: Path) -> None:
    hand = HandClock("2026-11-20T23:59:50")
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(of_vandal(Traffic(moment=hand.now).batch(5))))
        hand.pass_time(15)
        await started.upkeep.eraser.erase(FORGETTING)
        assert (files_with(data_dir, VANDAL), sealed_days(data_dir)) == ([], [FIRST])

    assert await wrong_numbers(data_dir, hand) == []


async def test_a_reader_of_a_sealed_day_delays_an_erasure_which_goes_on_without_it(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deleting, "_TRIES", 1)
    monkeypatch.setattr(deleting, "_PAUSE_S", 0.01)
    hand = HandClock(START)
    async with service(data_dir, hand) as started:
        await a_sealed_day(started, hand)
        with closing(sqlite3.connect(f"file:{segment(data_dir, FIRST)}?mode=ro", uri=True)) as reader:
            rows = reader.execute("SELECT id FROM events")
            next(rows)
            with pytest.raises(InUseError, match="a reader is in the way"):
                await started.upkeep.eraser.erase(FORGETTING)
            assert len(rows.fetchall()) == 39
        assert await wrong_numbers(data_dir, hand) == []
        await started.upkeep.eraser.resume()
        assert (files_with(data_dir, VANDAL), sealed_days(data_dir)) == ([], [FIRST])


async def test_a_day_that_is_reached_again_during_an_erasure_takes_events_and_loses_those_of_the_installation(
    data_dir: Path,
) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand) as started:
        await a_sealed_day(started, hand)
        erase = started.upkeep.eraser.erase(FORGETTING)
        async with sealing_stopped(started, erase):
            hand.jump(-DAY_S)
            await started.service.accept(encode(Traffic(seed=30, moment=hand.now).batch(7)))
            hand.jump(DAY_S)
        assert files_with(data_dir, VANDAL) == []
        await started.publisher.flush()
        await started.upkeep.sealer.check()

    assert read(segment(data_dir, FIRST), "SELECT count(*) FROM events") == [(27,)]
    assert await wrong_numbers(data_dir, hand) == []


async def test_a_stop_ends_the_process_that_erases_and_the_next_start_finishes_it(data_dir: Path) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand) as started:
        await a_sealed_day(started, hand)
        async with sealing_stopped(started, started.upkeep.eraser.erase(EXCLUDING)) as (erase, pid):
            started.upkeep.stop()
            assert not (await asyncio.wait_for(erase, 20)).finished
            assert not is_running(pid)
    assert await wrong_numbers(data_dir, hand) == []
    async with service(data_dir, hand) as started:
        await started.upkeep.eraser.resume()
        assert files_with(data_dir, VANDAL) == []
    assert sealed_days(data_dir) == [FIRST]
    oracle.check(data_dir, erased=True)


ROWS, OF_VANDAL = 2_000, 1_000
# What changes files, by its name, and at which of its calls the process is killed.
STEPS = {"pwrite64": (1, 9, 60), "unlink": (2,), "msync": (1,), "fchmod": (1,)}


def erase(path: Path, *prefix: str) -> subprocess.CompletedProcess[bytes]:
    """Run the process as the service does."""
    command = [*prefix, sys.executable, "-m", erasing.__name__, str(path), str(ROWS), str(os.getpid())]
    return subprocess.run(command, input=VANDAL.encode(), capture_output=True, timeout=60, check=False)


@needs_strace
@pytest.mark.parametrize(("call", "numbers"), STEPS.items())
def test_a_kill_at_any_step_leaves_a_segment_that_is_erased_from_the_next_time(
    tmp_path: Path, call: str, numbers: tuple[int, ...]
) -> None:
    for number in numbers:
        path = segment(tmp_path / str(number), FIRST)
        make_segment(path, ROWS)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE events SET installation_id = ? WHERE id % 2", (VANDAL,))
        injected = f"inject={call}:signal=KILL:when={number}"
        assert erase(path, "strace", "-D", "-qq", "-o", os.devnull, "-e", injected).returncode != 0
        assert erase(path).stdout == b'{"counts": [%d, %d]}\n' % (ROWS - OF_VANDAL, ROWS - OF_VANDAL)
        assert is_sealed(path)
        assert VANDAL.encode() not in path.read_bytes()
        assert read(path, "PRAGMA integrity_check") == [("ok",)]
        assert sorted(path.parent.iterdir()) == [path]
