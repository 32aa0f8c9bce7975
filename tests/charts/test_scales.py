import itertools
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.charts.days import days
from telemetry.charts.scales import linear, logarithmic, shares
from telemetry.charts.text import width
from telemetry.charts.units import Unit


@pytest.mark.parametrize(
    ("high", "unit", "ticks"),
    [
        (3, Unit.COUNT, ["0", "1", "2", "3"]),
        (0.2, Unit.COUNT, ["0", "1"]),
        (7, Unit.COUNT, ["0", "2", "4", "6", "8"]),
        (600, Unit.COUNT, ["0", "200", "400", "600"]),
        (2_390, Unit.COUNT, ["0", "1,000", "2,000", "3,000"]),
        (61_000, Unit.COUNT, ["0", "20 k", "40 k", "60 k", "80 k"]),
        (2.5e9, Unit.COUNT, ["0", "1 G", "2 G", "3 G"]),
        (0.07, Unit.SHARE, ["0 %", "2 %", "4 %", "6 %", "8 %"]),
        (1, Unit.SHARE, ["0 %", "25 %", "50 %", "75 %", "100 %"]),
        (900, Unit.DURATION, ["0 ms", "500 ms", "1 s"]),
        (7_100, Unit.DURATION, ["0 ms", "2 s", "4 s", "6 s", "8 s"]),
        (170_000, Unit.DURATION, ["0 ms", "1 min", "2 min", "3 min"]),
    ],
)
def test_ticks_are_few_and_round(high: float, unit: Unit, ticks: list[str]) -> None:
    scale = linear(high, unit, 0, 100, steps_max=4)

    assert [unit.write(tick).replace("\N{NO-BREAK SPACE}", " ") for tick in scale.ticks] == ticks


@given(st.floats(1e-6, 1e15), st.sampled_from(Unit), st.integers(2, 8))
def test_a_linear_scale_reaches_from_0_to_the_highest_value_and_no_further_than_one_step(
    high: float, unit: Unit, steps_max: int
) -> None:
    scale = linear(high, unit, 200, 20, steps_max=steps_max)
    step = scale.ticks[1] - scale.ticks[0]

    assert scale(0) == 200
    assert scale(scale.ticks[-1]) == pytest.approx(20)
    assert 2 <= len(scale.ticks) <= steps_max + 1
    assert scale.ticks[-1] >= high * (1 - 1e-6)
    assert scale.ticks[-1] < high + step * (1 + 1e-6)


@given(st.floats(1e-3, 1e9), st.floats(1, 1e6), st.integers(2, 8))
def test_a_logarithmic_scale_contains_what_it_is_made_for(low: float, ratio: float, steps_max: int) -> None:
    high = low * ratio
    scale = logarithmic(low, high, 0, 100, steps_max=steps_max)

    assert scale.low < scale.high
    assert 2 <= len(scale.ticks) <= steps_max + 1
    assert scale.ticks[-1] == scale.high
    assert all(0 <= scale(value) <= 100 for value in (low, high, -1, 0, 1e300))
    assert scale(low) <= scale(high)
    if high < 86_400_000:
        assert scale.high >= high


def test_values_outside_a_scale_get_the_position_of_its_ends() -> None:
    scale = shares(10, 110)

    assert [scale(-1), scale(0), scale(0.5), scale(1), scale(7)] == [10, 10, 60, 110, 110]


@pytest.mark.parametrize(
    ("first", "count", "step", "names"),
    [
        ("2026-11-20", 1, 1, ["20 Nov"]),
        ("2026-11-20", 7, 1, ["20 Nov", "21 Nov", "22 Nov", "23 Nov", "24 Nov", "25 Nov", "26 Nov"]),
        ("2026-11-12", 14, 1, ["13 Nov", "15 Nov", "17 Nov", "19 Nov", "21 Nov", "23 Nov", "25 Nov"]),
        ("2026-10-27", 30, 1, ["2 Nov", "9 Nov", "16 Nov", "23 Nov"]),
        ("2026-08-28", 90, 1, ["31 Aug", "14 Sep", "28 Sep", "12 Oct", "26 Oct", "9 Nov", "23 Nov"]),
        ("2025-11-25", 366, 1, ["2026", "Mar", "May", "Jul", "Sep", "Nov"]),
        ("2026-08-31", 13, 7, ["31 Aug", "14 Sep", "28 Sep", "12 Oct", "26 Oct", "9 Nov", "23 Nov"]),
        ("2016-02-01", 3_600, 1, ["2018", "2020", "2022", "2024"]),
    ],
)
def test_few_days_are_named_and_those_are_round(first: str, count: int, step: int, names: list[str]) -> None:
    begin = date.fromisoformat(first)
    places = days([begin + timedelta(days=number * step) for number in range(count)], 50, 600)

    assert [name.replace("\N{NO-BREAK SPACE}", " ") for _, name in places.ticks(12)] == names


@given(st.dates(date(1970, 1, 1), date(2100, 1, 1)), st.integers(1, 4_000), st.sampled_from([1, 7, 28]))
def test_names_of_days_never_touch_and_every_day_has_a_place(first: date, count: int, step: int) -> None:
    dates = [first + timedelta(days=number * step) for number in range(count)]
    places = days(dates, 50, 300)
    ticks = places.ticks(14)

    assert ticks
    middles = [(places(day), width(name, 14)) for day, name in ticks]
    assert all(a + wide / 2 < b - other / 2 for (a, wide), (b, other) in itertools.pairwise(middles))
    assert 50 < places(dates[0]) <= places(dates[-1]) < 300
    assert places(date(1, 1, 1)) == places(dates[0])


def test_dates_with_gaps_keep_their_distance() -> None:
    dates = [date(2026, 11, 2), date(2026, 11, 3), date(2026, 11, 6)]
    places = days(dates, 0, 50)

    assert [places(day) for day in dates] == [5, 15, 45]
