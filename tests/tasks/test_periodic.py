import asyncio
import logging

import pytest

from telemetry.tasks.periodic import Periodic


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


async def test_an_error_nobody_expected_ends_the_task() -> None:
    async def check() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Periodic("looking", check, interval_s=0.001).run()
