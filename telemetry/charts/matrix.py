"""Matrix: how often two kinds of names come together, as squares; the larger and stronger, the more often."""

import math
from collections.abc import Mapping, Sequence

from telemetry.charts import frame
from telemetry.charts.drawing import WIDE, Caption, Drawing, Form
from telemetry.charts.scales import finite
from telemetry.charts.text import clipped, width
from telemetry.charts.theme import Theme
from telemetry.charts.units import Unit

_ROWS_MAX = 30
_GAP = 10.0
_SQUARE = 16.0
_SQUARE_MIN = 3.0
_FIGURE_GAP = 5.0


def matrix(
    caption: Caption,
    columns: Sequence[str],
    rows: Sequence[tuple[str, Mapping[str, float]]],
    *,
    kinds: tuple[str, str] = ("columns", "rows"),
    form: Form = WIDE,
    theme: Theme = Theme.AUTO,
) -> str:
    """Return a chart of at most 30 rows and as many columns as there is room for; the others are counted below it, as
    what ``kinds`` calls them.

    The area of a square is as its count, which stands beside it. Pairs without a count are left empty. Where the names
    of columns do not all fit beside each other, they are turned, so that more of them do.
    """
    shown = [(name, counts) for name, counts in rows if _known(counts, columns)][:_ROWS_MAX]
    if not (shown and columns):
        return frame.nothing(form, caption, theme)
    drawing = Drawing(form)
    top = frame.head(drawing, caption)
    names = max(width(clipped(name, form.text_px, form.label_width_max), form.text_px) for name, _ in shown)
    left = frame.MARGIN + names + _GAP
    room = form.width - frame.MARGIN - left
    figures = (Unit.COUNT.figure(value) for _, counts in shown for value in _known(counts, columns))
    narrowest = _SQUARE + _FIGURE_GAP + max(width(figure, form.text_px) for figure in figures) + _GAP
    named = _fitting(columns, form, room)
    if turned := min(int(room / narrowest), len(columns)) > len(named):
        named = columns[: int(room / narrowest)]
    slot = room / len(named)
    top = _draw_names(drawing, named, (left, slot, top), turned=turned)
    height = form.line_px + 4.0
    _draw_rows(drawing, named, shown, (left, slot, top, height))
    bottom = top + len(shown) * height
    if left_out := _left_out(kinds, (len(columns) - len(named), len(rows) - len(shown))):
        drawing.text(left, bottom + form.line_px / 2, left_out, kind="m", width_max=form.width - left)
        bottom += form.line_px
    return drawing.document(bottom + frame.MARGIN, caption, theme)


def _draw_names(drawing: Drawing, names: Sequence[str], place_of: tuple[float, float, float], *, turned: bool) -> float:
    """Write the names of columns; return where the rows begin."""
    left, slot, top = place_of
    form = drawing.form
    if not turned:
        for place, name in enumerate(names):
            drawing.text(left + place * slot, top + form.line_px / 2, name, kind="m", width_max=slot - _GAP)
        return top + form.line_px
    bottom = top + max(width(clipped(name, form.text_px, form.label_width_max), form.text_px) for name in names)
    for place, name in enumerate(names):
        x = left + place * slot + _SQUARE / 2
        drawing.text(x, bottom, name, kind="m", width_max=form.label_width_max, turned=True)
    return bottom + frame.MARGIN


def _draw_rows(
    drawing: Drawing,
    columns: Sequence[str],
    rows: Sequence[tuple[str, Mapping[str, float]]],
    place_of: tuple[float, float, float, float],
) -> None:
    left, slot, top, height = place_of
    largest = max((value for _, counts in rows for value in _known(counts, columns)), default=1.0)
    drawing.rule(".x{fill:var(--h0)}")
    for number, (name, counts) in enumerate(rows):
        y = top + (number + 0.5) * height
        drawing.text(left - _GAP, y, name, anchor="end", width_max=drawing.form.label_width_max)
        for place, column in enumerate(columns):
            for value in _known(counts, [column]):
                x, half = left + place * slot, max(_SQUARE * math.sqrt(value / largest), _SQUARE_MIN) / 2
                middle = x + _SQUARE / 2
                drawing.box(middle - half, y - half, middle + half, y + half, "x")
                drawing.text(x + _SQUARE + _FIGURE_GAP, y, Unit.COUNT.figure(value))


def _known(counts: Mapping[str, float], columns: Sequence[str]) -> list[float]:
    return [value for value in finite([counts.get(name) for name in columns]) if value > 0]


def _fitting(columns: Sequence[str], form: Form, room: float) -> Sequence[str]:
    """Return as many of the first columns as fit beside each other, at least one."""
    for count in range(len(columns), 1, -1):
        widest = max(width(clipped(name, form.text_px, form.label_width_max), form.text_px) for name in columns[:count])
        if count * (max(widest, _SQUARE + 40) + _GAP) <= room:
            return columns[:count]
    return columns[:1]


def _left_out(kinds: tuple[str, str], counts: tuple[int, int]) -> str:
    parts = [f"{count} more {name}" for name, count in zip(kinds, counts, strict=True) if count]
    return " and ".join(parts)
