"""Histograms of durations: how many fell into each bucket, on a logarithmic scale."""

from collections.abc import Sequence

from telemetry.charts import frame
from telemetry.charts.drawing import WIDE, Caption, Drawing, Form, number
from telemetry.charts.scales import finite, linear, logarithmic
from telemetry.charts.theme import Theme
from telemetry.charts.units import Unit

_BARS_RULE = ".h{fill:var(--h0)}"


def histogram_chart(
    caption: Caption,
    bounds: Sequence[float],
    counts: Sequence[float],
    *,
    percentiles: Sequence[tuple[float, str]] = (),
    form: Form = WIDE,
    theme: Theme = Theme.AUTO,
) -> str:
    """Return a chart of how many are in each bucket; the bounds in milliseconds are one more than the buckets.

    Percentiles are dashed lines with names, from the lowest to the highest.
    """
    if len(finite(counts)) != len(counts) or not any(counts):
        return frame.nothing(form, caption, theme)
    drawing = Drawing(form)
    top = frame.head(drawing, caption) + (form.line_px if percentiles else form.text_px / 2)
    bottom = top + form.plot_height
    amounts = linear(max(counts), Unit.COUNT, bottom, top, steps_max=4)
    left, right = frame.gutter(form, amounts, Unit.COUNT), form.width - 2 * frame.MARGIN
    filled = [number for number, count in enumerate(counts) if count > 0]
    steps_max = 8 if form.width >= WIDE.width else 4
    scale = logarithmic(bounds[filled[0]], bounds[filled[-1] + 1], left, right, steps_max=steps_max)
    frame.value_axis(drawing, amounts, Unit.COUNT, left, right)
    drawing.rule(_BARS_RULE)
    path = []
    for low, high, count in zip(bounds, bounds[1:], counts, strict=False):
        y = round(amounts(count))
        if y < bottom:
            start, end = scale(low), scale(high)
            path.append(f"M{number(start)} {number(bottom)}V{y}H{number(max(end - 1, start + 0.5))}V{number(bottom)}z")
    drawing.path("".join(path), "h")
    frame.reference_lines(drawing, [(scale(value), name) for value, name in percentiles], top - form.line_px, bottom)
    name_y = bottom + form.text_px + 1
    frame.tick_names(drawing, scale, Unit.DURATION, name_y)
    return drawing.document(name_y + form.line_px / 2, caption, theme)
