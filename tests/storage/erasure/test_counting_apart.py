"""What an installation has added to a large log is counted in a process of its own."""

from pathlib import Path

import pytest

from telemetry.operator_errors import DamagedError
from telemetry.storage.erasure import contributions, counting_process
from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from tests.storage.erasure.test_erasing import START, VANDAL, files_with, three_days
from tests.support import oracle
from tests.support.oracle import read
from tests.support.segments import segment
from tests.support.service import HandClock, service

EXCLUDING = ErasureRequest(VANDAL, ErasureKind.EXCLUDE)


@pytest.fixture(autouse=True)
def every_log_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting_process, "EVENTS_IN_THREAD_MAX", 0)


async def test_an_exclusion_subtracts_what_the_process_has_counted(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand, here = HandClock(START), 0

    def counted_here(*_: object) -> None:
        nonlocal here
        here += 1

    monkeypatch.setattr(contributions, "count_stored", counted_here)
    async with service(data_dir, hand) as started:
        await three_days(started, hand)
        sent = sum(raw.installation_id == VANDAL for raw in oracle.raw_events(data_dir))
        erased = await started.upkeep.eraser.erase(EXCLUDING)
        assert sum(erased.events.values()) == sent
        assert here == 0
        assert files_with(data_dir, VANDAL) == []
    oracle.check(data_dir, erased=True)


async def test_a_stop_ends_the_process_and_the_next_start_erases(data_dir: Path) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand) as started:
        await three_days(started, hand)
        started.upkeep.stop()
        assert not (await started.upkeep.eraser.erase(EXCLUDING)).finished
        assert read(data_dir / "telemetry.db", "SELECT counted_at FROM erasures") == [(None,)]
    async with service(data_dir, hand) as started:
        await started.upkeep.eraser.resume()
        assert files_with(data_dir, VANDAL) == []
    oracle.check(data_dir, erased=True)


async def test_a_process_that_fails_says_why_and_changes_no_number(data_dir: Path) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand) as started:
        await three_days(started, hand)
        path = segment(data_dir, START[:10])
        content = path.read_bytes()
        path.chmod(0o600)
        path.write_bytes(b"not a database" * 2_000)
        with pytest.raises(DamagedError, match="is damaged"):
            await started.upkeep.eraser.erase(EXCLUDING)
        path.write_bytes(content)
        path.chmod(0o400)
        await started.upkeep.eraser.resume()
    oracle.check(data_dir, erased=True)
