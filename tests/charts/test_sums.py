"""Bars are as high as what they stand for, and dots lie where their numbers say."""

import re
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from telemetry.charts.badge import LABEL_COLOUR, Tone
from telemetry.charts.dots import DotRow, Estimate, dots
from telemetry.charts.drawing import WIDE, Caption, spread
from telemetry.charts.scales import linear
from telemetry.charts.stacked_bars import Part, stacked_bars
from telemetry.charts.theme import DARK, LIGHT, Palette
from telemetry.charts.units import Unit
from tests.charts.geometry import Sheet
from tests.charts.samples import days

CAPTION = Caption("Installations", "As many as ever.")


@settings(max_examples=40, deadline=None)
@example([[0, 1, 0], [0, 6, 0], [0, 394, 0]])
@given(
    st.lists(st.lists(st.integers(0, 1_000), min_size=3, max_size=3), min_size=1, max_size=9).filter(
        lambda parts: any(map(any, parts))
    )
)
def test_the_parts_of_a_bar_add_up_to_its_total(amounts: list[list[int]]) -> None:
    dates = days(3)
    sheet = Sheet(stacked_bars(CAPTION, dates, [Part(str(n), each) for n, each in enumerate(amounts)]))
    totals = [sum(each) for each in zip(*amounts, strict=True)]
    bottom = sheet.paths("a")[0][0][1] - 0.5
    scale = linear(max(totals), Unit.COUNT, bottom, bottom - WIDE.plot_height, steps_max=4)
    bars: dict[float, list[tuple[float, float]]] = {}
    for path in sheet.paths("q"):
        for (x, low), (_, high) in list(pairwise(path))[::2]:
            bars.setdefault(x, []).append((low, high))

    assert len(bars) == len([total for total in totals if total and round(scale(total)) < bottom])
    drawn = iter(sorted(bars.items()))
    for total in totals:
        if total and round(scale(total)) < bottom:
            _, parts = next(drawn)
            assert parts[0][0] == bottom
            assert parts[-1][1] == round(scale(total))
            # One part begins where the last ends, or a pixel above.
            assert all(0 <= high - low <= 1 for (_, high), (low, _) in pairwise(parts))


@given(st.lists(st.tuples(*[st.floats(0, 1)] * 3).map(sorted), min_size=1, max_size=20))
def test_intervals_contain_their_dots(estimates: list[list[float]]) -> None:
    rows = [DotRow(str(n), [Estimate(middle, low, high)]) for n, (low, middle, high) in enumerate(estimates)]
    sheet = Sheet(dots(CAPTION, ["sure"], rows, target=0.85))
    (intervals,) = sheet.paths("i")
    shapes = sheet.paths("k")[-1]

    # A diamond begins above its middle.
    tops = shapes[1::5]
    for (left, y), (right, _), (x, top) in zip(intervals[::2], intervals[1::2], tops, strict=True):
        assert left - 0.1 <= x <= right + 0.1
        assert top == pytest.approx(y - 6)


@given(st.lists(st.floats(0, 200), max_size=9).map(sorted), st.floats(5, 40))
def test_names_are_spread_in_their_order_and_inside(wanted: list[float], distance: float) -> None:
    found = spread(wanted, distance, 0, 200)
    room = min(distance, 200 / max(len(wanted) - 1, 1))

    assert all(after - before >= room - 1e-6 for before, after in pairwise(found))
    assert all(-1e-6 <= position <= 200 + 1e-6 for position in found)


def test_names_that_are_too_close_make_room_on_both_sides() -> None:
    assert spread([100, 100, 180], 20, 0, 200) == [90, 110, 180]
    assert spread([199, 200], 20, 0, 200) == [180, 200]
    assert spread([7], 20, 0, 200) == [7]


def luminance(colour: str) -> float:
    channels = [int(part, 16) / 255 for part in re.findall("..", colour[1:])]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_text_has_a_contrast_of_4_5_and_marks_one_of_3(palette: Palette) -> None:
    for text in (palette.ink, palette.muted, palette.alarm):
        assert contrast(text, palette.background) >= 4.5, text
    for mark in (*palette.hues, *palette.shades):
        assert contrast(mark, palette.background) >= 3, mark
    for hue in palette.hues:
        assert contrast(hue, palette.zone) >= 3, hue


def test_white_on_a_badge_has_a_contrast_of_4_5() -> None:
    for colour in (LABEL_COLOUR, *(tone.value for tone in Tone)):
        assert contrast("#ffffff", colour) >= 4.5, colour
