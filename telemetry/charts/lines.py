"""Lines: how quantities change from day to day, each named at its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from telemetry.charts import frame
from telemetry.charts.days import Days, days
from telemetry.charts.drawing import WIDE, Caption, Drawing, Form, number, spread
from telemetry.charts.marks import draw_shapes, line_class
from telemetry.charts.scales import Scale, finite, linear, logarithmic
from telemetry.charts.text import readable, width
from telemetry.charts.theme import SERIES_MAX, Theme
from telemetry.charts.units import Unit

_NAME_GAP = 16.0
# A piece of the line in front of its name, and the gap behind it.
_SAMPLE, _SAMPLE_GAP = 14.0, 5.0
# What bounds a single value is as wide as its mark.
_BOUNDS_HALF = 4.0
# A name that is further from the end of its line is joined to it.
_LEADER_PX_MIN = 4.0
_BAND_RULE = ".z{opacity:.15}"


@dataclass(frozen=True, slots=True)
class Line:
    """A quantity with its value for each date, None where there is none, and if known the bounds around it."""

    name: str
    values: Sequence[float | None]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()


def lines(
    caption: Caption,
    dates: Sequence[date],
    series: Sequence[Line],
    *,
    releases: Sequence[tuple[date, str]] = (),
    unit: Unit = Unit.COUNT,
    form: Form = WIDE,
    theme: Theme = Theme.AUTO,
) -> str:
    """Return a chart of at most six lines; of more, the first six are drawn, and the others counted.

    Durations stand on a logarithmic scale, everything else on one that begins at 0.
    """
    known = [line for line in series if finite(line.values)]
    shown = known[:SERIES_MAX]
    values = finite([value for line in shown for each in (line.values, line.low, line.high) for value in each])
    if not values:
        return frame.nothing(form, caption, theme)
    drawing = Drawing(form)
    top = frame.head(drawing, caption) + (form.line_px if releases else form.text_px / 2)
    bottom = top + form.plot_height
    scale = _scale(values, unit, bottom, top)
    left = frame.gutter(form, scale, unit)
    # A name and the figure behind it, which is never clipped.
    names = [(line.name, f" {unit.figure(finite(line.values)[-1])}") for line in shown]
    if len(known) > SERIES_MAX:
        names.append(("", f"{len(known) - SERIES_MAX} more"))
    widest = max(min(width(readable(name) + figure, form.text_px), form.label_width_max) for name, figure in names)
    sample = _SAMPLE + _SAMPLE_GAP if len(shown) > 1 else 0.0
    right = form.width - frame.MARGIN - widest - sample - _NAME_GAP
    places = days(dates, left, right)
    inside = [(places(day), name) for day, name in releases if dates[0] <= day <= dates[-1]]
    frame.reference_lines(drawing, inside, top - form.line_px, bottom)
    frame.value_axis(drawing, scale, unit, left, right)
    for kind, line in enumerate(shown):
        _draw_line(drawing, kind, dates, line, (places, scale))
    ends = [scale(finite(line.values)[-1]) for line in shown] + [bottom] * (len(names) - len(shown))
    _name_lines(drawing, names, ends, len(shown), (right, top, bottom, sample))
    return drawing.document(frame.day_axis(drawing, places, bottom + 1, right + _NAME_GAP), caption, theme)


def runs(dates: Sequence[date], values: Sequence[float | None]) -> list[list[tuple[date, float]]]:
    """Return the stretches of dates that have values without one missing between them."""
    found: list[list[tuple[date, float]]] = [[]]
    for day, value in zip(dates, values, strict=True):
        if value is not None and finite([value]):
            found[-1].append((day, value))
        elif found[-1]:
            found.append([])
    return [run for run in found if run]


def _scale(values: Sequence[float], unit: Unit, bottom: float, top: float) -> Scale:
    if unit is Unit.DURATION:
        return logarithmic(min(values), max(values), bottom, top, steps_max=4)
    return linear(max(*values, 0.0) or 1.0, unit, bottom, top, steps_max=4)


def _draw_line(drawing: Drawing, kind: int, dates: Sequence[date], line: Line, position: tuple[Days, Scale]) -> None:
    places, scale = position

    def points(run: Sequence[tuple[date, float]]) -> str:
        return "L".join(f"{number(places(day))} {number(scale(value))}" for day, value in run)

    for low, high in zip(runs(dates, line.low or [None] * len(dates)), runs(dates, line.high or [None] * len(dates)),
                         strict=False):  # fmt: skip
        drawing.rule(_BAND_RULE, f".z{kind}{{fill:var(--h{kind})}}")
        if len(high) == 1:
            x = places(high[0][0])
            drawing.box(x - _BOUNDS_HALF, scale(high[0][1]), x + _BOUNDS_HALF, scale(low[0][1]), f"z z{kind}")
        else:
            drawing.path(f"M{points(high)}L{points(low[::-1])}z", f"z z{kind}")
    # A value between two gaps is a line without length, which its round ends make a dot.
    path = "".join(f"M{points(run)}{'h0' if len(run) == 1 else ''}" for run in runs(dates, line.values))
    drawing.path(path, line_class(drawing, kind))
    day, value = runs(dates, line.values)[-1][-1]
    draw_shapes(drawing, kind, [(places(day), scale(value))])


def _name_lines(
    drawing: Drawing,
    names: Sequence[tuple[str, str]],
    ends: Sequence[float],
    drawn: int,
    corner: tuple[float, float, float, float],
) -> None:
    right, top, bottom, sample = corner
    order = sorted(range(len(names)), key=lambda number: (ends[number], number))
    heights = spread([ends[number] for number in order], drawing.form.line_px, top, bottom)
    for place, y in zip(order, heights, strict=True):
        if place < drawn and abs(y - ends[place]) > _LEADER_PX_MIN:
            drawing.rule(".j{stroke:var(--muted);fill:none}")
            drawing.path(f"M{number(right + 3)} {number(ends[place])}L{number(right + _NAME_GAP - 3)} {number(y)}", "j")
        if place < drawn and sample:
            drawing.path(f"M{number(right + _NAME_GAP)} {number(y)}h{number(_SAMPLE)}", line_class(drawing, place))
        name, figure = names[place]
        width_max, kind = drawing.form.label_width_max, "" if place < drawn else "m"
        drawing.text(right + _NAME_GAP + sample, y, name, width_max=width_max, tail=figure, kind=kind)
