"""Ranges: percentiles of a duration for each row, on a logarithmic scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from telemetry.charts import frame
from telemetry.charts.drawing import WIDE, Caption, Drawing, Form, number
from telemetry.charts.marks import draw_shapes
from telemetry.charts.rows import ROWS_MAX, RowLabel, RowLayout
from telemetry.charts.scales import finite, logarithmic
from telemetry.charts.theme import Theme
from telemetry.charts.units import Unit

_WIDTHS = (6, 3, 1.5)


@dataclass(frozen=True, slots=True)
class Range:
    """A name and its percentiles in milliseconds, none below the one before; some rows need attention."""

    name: str
    percentiles: Sequence[float]
    highlighted: bool = False


def ranges(
    caption: Caption,
    names: Sequence[str],
    rows: Sequence[Range],
    *,
    figure: int = -1,
    form: Form = WIDE,
    theme: Theme = Theme.AUTO,
) -> str:
    """Return a chart with a row for each name, at most 100; the names are those of up to four percentiles.

    The bar between two percentiles is thinner the further out they are. ``figure`` says which is written beside a row.
    """
    shown = [row for row in rows if len(finite(row.percentiles)) == len(names)][:ROWS_MAX]
    if not shown:
        return frame.nothing(form, caption, theme)
    drawing = Drawing(form)
    top = frame.head(drawing, caption)
    top = frame.key(drawing, top, names, lambda kind, x, y: draw_shapes(drawing, kind, [(x, y)]))
    labels = [RowLabel(row.name, Unit.DURATION.figure(row.percentiles[figure]), row.highlighted) for row in shown]
    layout = RowLayout(drawing, labels, top)
    lowest, highest = min(min(row.percentiles) for row in shown), max(max(row.percentiles) for row in shown)
    scale = logarithmic(lowest, highest, layout.left, layout.right, steps_max=6 if form.width >= WIDE.width else 3)
    layout.draw(scale, Unit.DURATION)
    drawing.rule(".g{stroke:var(--muted);fill:none;opacity:.6}")
    for (low, high), thickness in zip(pairwise(range(len(names))), _WIDTHS, strict=False):
        drawing.rule(f".g{low}{{stroke-width:{thickness}}}")
        bars = (
            f"M{number(scale(row.percentiles[low]))} {number(layout.y(place))}H{number(scale(row.percentiles[high]))}"
            for place, row in enumerate(shown)
        )
        drawing.path("".join(bars), f"g g{low}")
    # Where marks lie on each other, the larger ones of higher percentiles are seen around the others.
    for kind in reversed(range(len(names))):
        points = ((scale(row.percentiles[kind]), layout.y(place)) for place, row in enumerate(shown))
        draw_shapes(drawing, kind, points)
    return drawing.document(layout.bottom + frame.MARGIN, caption, theme)
