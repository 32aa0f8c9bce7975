import asyncio
import logging

import pytest

from telemetry.tasks.periodic import Periodic
from tests.support.service import HandClock


async def test_a_check_that_fails_is_reported_and_done_again(caplog: pytest.LogCaptureFixture) -> None:
    checks = 0

    async def check() -> None:
        nonlocal checks
        checks += 1
        if checks == 2:
            raise OSError(5, "Input/output error")
        if checks == 3:
            periodic.close()

    periodic = Periodic("looking", check, interval_s=0.001)
    with caplog.at_level(logging.ERROR):
        await periodic.run()

    assert checks == 3
    assert [record.getMessage() for record in caplog.records] == ["looking failed, it is tried again"]


async def test_closing_does_not_wait_for_the_pause_to_end() -> None:
    periodic = Periodic("looking", asyncio.Event().wait, interval_s=1_000)  # type: ignore[arg-type]
    running = asyncio.create_task(periodic.run())
    await asyncio.sleep(0)
    periodic.close()

    await asyncio.wait_for(running, 5)


async def test_a_clock_that_stands_still_lets_only_a_check_without_a_pause_begin() -> None:
    checked = asyncio.Event()

    async def check() -> None:
        checked.set()

    clock = HandClock().clock
    waiting = Periodic("waiting", check, interval_s=0.001, timeout=clock.timeout)
    task = asyncio.create_task(waiting.run())
    await asyncio.sleep(0.01)
    assert not checked.is_set()
    waiting.close()
    await asyncio.wait_for(task, 5)

    at_once = Periodic("at once", check, interval_s=0.001, first_s=0, timeout=clock.timeout)
    task = asyncio.create_task(at_once.run())
    await asyncio.wait_for(checked.wait(), 5)
    at_once.close()
    await asyncio.wait_for(task, 5)


async def test_an_error_nobody_expected_ends_the_task() -> None:
    async def check() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Periodic("looking", check, interval_s=0.001).run()
