"""Windows, and which of them are due."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from telemetry.published.due import DayIs, due
from telemetry.published.windows import Period, PublicWindow, windows_between

DAYS = st.dates(date(1970, 1, 1), date(2100, 1, 1)).map(date.isoformat)


@given(day=DAYS, period=st.sampled_from(list(Period)))
def test_each_day_lies_in_one_window_of_each_length(day: str, period: Period) -> None:
    window = PublicWindow.of(period, day)
    assert day in window.days()
    assert len(window.days()) == period.days
    assert {PublicWindow.of(period, other) for other in window.days()} == {window}
    assert window.last_day == window.days()[-1]


def test_weeks_begin_on_mondays_and_four_weeks_do_too() -> None:
    assert PublicWindow.of(Period.WEEK, "2026-11-26").start == "2026-11-23"
    assert PublicWindow.of(Period.FOUR_WEEKS, "2026-11-26").start == "2026-11-02"


def test_windows_come_in_the_order_in_which_they_end() -> None:
    found = [window for window in windows_between("2026-11-21", "2026-11-23") if window.period is not Period.FOUR_WEEKS]
    assert [(window.period.value, window.start) for window in found] == [
        ("day", "2026-11-21"), ("day", "2026-11-22"), ("week", "2026-11-16"), ("day", "2026-11-23"),
        ("week", "2026-11-23"),
    ]  # fmt: skip


def test_a_window_is_due_once_it_has_ended_and_says_what_it_waits_for() -> None:
    days = {"2026-11-14": DayIs.GONE, "2026-11-16": DayIs.SEALED, "2026-11-20": DayIs.OPEN, "2026-11-25": DayIs.SEALED}
    found = {one.window: one for one in due(days, {PublicWindow(Period.DAY, "2026-11-16")}, "2026-11-26")}
    week = found[PublicWindow(Period.WEEK, "2026-11-16")]
    assert (week.sealed, week.is_open, week.is_gone) == (("2026-11-16",), True, False)
    assert PublicWindow(Period.DAY, "2026-11-16") not in found
    assert found[PublicWindow(Period.DAY, "2026-11-17")].sealed == ()
    # This week has not ended, and that of the 9th has no day that is left.
    assert {one.start for one in found if one.period is Period.WEEK} == {"2026-11-16"}


def test_days_to_come_are_not_due_though_a_clock_was_ahead() -> None:
    assert due({"2027-01-01": DayIs.SEALED}, set(), "2026-11-26") == []
