"""A year in a minute: everything that happens to a service in more than a year, and every number right at its end."""

from datetime import timedelta
from pathlib import Path

import pytest

from telemetry.tasks.retention import RETENTION_INTERVAL_S
from tests.support import oracle
from tests.support.commands import succeed
from tests.support.incidents import EventfulYear
from tests.support.segments import is_sealed, segment


@pytest.mark.case(19, 20, 27, 42, 43, 44, 46, 47)
@pytest.mark.parametrize(
    ("days", "retention_days"), [(16, 5), pytest.param(400, 90, marks=pytest.mark.torture)], ids=["fortnight", "year"]
)
async def test_every_number_is_right_after_everything_that_can_happen(
    tmp_path: Path, days: int, retention_days: int, seed: int
) -> None:
    year = EventfulYear(tmp_path, retention_days=retention_days, seed=seed)
    incidents = [
        year.be_killed, year.have_a_full_disk, year.exclude, year.jump, year.lose_todays_segment, year.be_killed,
        year.have_a_wrong_clock, year.lose_a_sealed_segment, year.forget, year.start_on_a_full_disk,
        year.lose_the_aggregates, year.be_restored,
    ]  # fmt: skip
    await year.start()
    for number in range(days):
        # Each of them once, and later ones again, but for those that are for good. An exclusion subtracts only what
        # raw events are there of, so it comes before any is removed.
        if incidents:
            await incidents.pop(0)()
        elif number % 40 == 39:
            await year.be_killed()
            await year.jump()
        if number % 40 == 25:
            await year.have_a_wrong_clock()
        if number % 50 == 49:
            await year.have_a_full_disk()
            await year.lose_a_sealed_segment()
        if number % 60 == 59:
            await year.start_on_a_full_disk()
            await year.lose_todays_segment()
        if number % 7 == 6:
            await year.send()
            await year.send_again()
        await year.live_a_day()
    for _ in range(3):
        await year.send()
        await year.let_pass(RETENTION_INTERVAL_S)
    last = year.today
    await year.stop()
    left = {path.name for path in (year.data_dir / "events").iterdir()}

    lived = oracle.check(year.data_dir, gone=year.gone, forgotten=year.forgotten, erased=True)
    assert len(lived) > days * 4
    wanted = [(last - timedelta(days=ago)).isoformat() for ago in range(retention_days, 0, -1)]
    wanted = [day for day in wanted if day not in year.silent]
    assert [day for day in year.days if day < last.isoformat()] == wanted
    assert left == {"witness", *(f"{day}.db" for day in year.days)}
    assert all(is_sealed(segment(year.data_dir, day)) for day in wanted)
    held = oracle.raw_events(year.data_dir)
    for day in year.days:
        year.assert_acknowledged(day, [raw for raw in held if raw.day == day])
    assert "no problems found" in succeed("check", "--data-dir", year.data_dir)
