"""Stacked bars: how an amount for each day is made up."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate, pairwise

from telemetry.charts import frame
from telemetry.charts.days import Days, days
from telemetry.charts.drawing import WIDE, Caption, Drawing, Form, number, spread
from telemetry.charts.scales import Linear, linear
from telemetry.charts.text import clipped, width
from telemetry.charts.theme import SERIES_MAX, Theme, shades_of
from telemetry.charts.units import Unit

_SWATCH = 18.0
_BAR_SHARE = 0.8
_BAR_WIDTH_MAX = 32.0
# Thinner parts of a bar have no gap below them.
_PART_PX_MIN = 3


@dataclass(frozen=True, slots=True)
class Part:
    """One part of all bars: its name and its amount for each date, none below 0; None counts as 0."""

    name: str
    values: Sequence[float | None]


def stacked_bars(
    caption: Caption,
    dates: Sequence[date],
    parts: Sequence[Part],
    *,
    rest: str = "others",
    releases: Sequence[tuple[date, str]] = (),
    unit: Unit = Unit.COUNT,
    form: Form = WIDE,
    theme: Theme = Theme.AUTO,
) -> str:
    """Return a chart of bars, one for each date; the first part stands on the axis.

    The parts from the sixth on are added up when there are more than six, and are called ``rest``.
    """
    shown = _at_most(SERIES_MAX, parts, rest)
    totals = [sum(amounts) for amounts in zip(*(amounts for _, amounts in shown), strict=True)]
    if not any(totals):
        return frame.nothing(form, caption, theme)
    drawing = Drawing(form)
    shades = shades_of(len(shown))
    top = frame.head(drawing, caption)
    right = form.width - frame.MARGIN
    names = [name for name, _ in shown]
    # The narrow form has no room for a column of names.
    beside = form.width >= WIDE.width and len(shown) > 1
    if beside:
        right -= _SWATCH + max(width(clipped(name, form.text_px, form.label_width_max), form.text_px) for name in names)
    elif len(shown) > 1:
        top = frame.key(drawing, top, names, lambda part, x, y: _swatch(drawing, shades[part], x, y))
    top += form.line_px if releases else form.text_px / 2
    bottom = top + form.plot_height
    scale = linear(max(totals), unit, bottom, top, steps_max=4)
    left = frame.gutter(form, scale, unit)
    places = days(dates, left, right - frame.MARGIN)
    inside = [(day, name) for day, name in releases if dates[0] <= day <= dates[-1]]
    frame.reference_lines(
        drawing, [(places(day) - places.slot / 2, name) for day, name in inside], top - form.line_px, bottom
    )
    frame.value_axis(drawing, scale, unit, left, right - frame.MARGIN)
    levels = [list(accumulate(amounts, initial=0.0)) for amounts in zip(*(a for _, a in shown), strict=True)]
    _draw_bars(drawing, dates, levels, shades, (places, scale))
    height = frame.day_axis(drawing, places, bottom + 1, form.width if not beside else right)
    if beside:
        _name_parts(drawing, names, shades, [scale(level) for level in levels[-1]], (right, top, bottom))
    return drawing.document(height, caption, theme)


def _at_most(count: int, parts: Sequence[Part], rest: str) -> list[tuple[str, list[float]]]:
    """Return names and amounts of at most ``count`` parts, the last of them the sum of those that are too many."""
    known = [(part.name, list(map(_amount, part.values))) for part in parts]
    if len(known) <= count:
        return known
    too_many = (amounts for _, amounts in known[count - 1 :])
    return [*known[: count - 1], (rest, [sum(amounts) for amounts in zip(*too_many, strict=True)])]


def _amount(value: float | None) -> float:
    return value if value is not None and 0 < value < math.inf else 0.0


def _draw_bars(
    drawing: Drawing,
    dates: Sequence[date],
    levels: Sequence[Sequence[float]],
    shades: Sequence[int],
    position: tuple[Days, Linear],
) -> None:
    places, scale = position
    base = round(scale(0))
    bar = min(places.slot * _BAR_SHARE, _BAR_WIDTH_MAX)
    drawing.rule(f".q{{fill:none;stroke-width:{number(max(bar, 0.5))}}}")
    for part, shade in enumerate(shades):
        drawing.rule(f".s{shade}{{stroke:var(--s{shade})}}")
        path = []
        for day, bounds in zip(dates, levels, strict=True):
            low, high = round(scale(bounds[part])), round(scale(bounds[part + 1]))
            if low > high:
                gap = 1 if low < base and low - high >= _PART_PX_MIN else 0
                path.append(f"M{number(places(day))} {low - gap}V{high}")
        drawing.path("".join(path), f"q s{shade}")


def _name_parts(
    drawing: Drawing,
    names: Sequence[str],
    shades: Sequence[int],
    levels: Sequence[float],
    corner: tuple[float, float, float],
) -> None:
    """Write the names beside the last bar, each as near to its part as the others leave room."""
    right, top, bottom = corner
    half, form = drawing.form.line_px / 2, drawing.form
    middles = [(low + high) / 2 for low, high in pairwise(levels)]
    heights = spread(middles[::-1], form.line_px, top - half + 4, bottom - half + 4)
    for name, shade, y in zip(reversed(names), reversed(shades), heights, strict=True):
        _swatch(drawing, shade, right + _SWATCH / 2 - 2, y)
        drawing.text(right + _SWATCH - 2, y, name, width_max=form.label_width_max)


def _swatch(drawing: Drawing, shade: int, x: float, y: float) -> None:
    drawing.rule(f".f{shade}{{fill:var(--s{shade})}}")
    drawing.box(x - 5, y - 5, x + 5, y + 5, f"f{shade}")
