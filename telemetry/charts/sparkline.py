"""Sparklines: how a number came to be what it is, as small as a word."""

from collections.abc import Sequence

from telemetry.charts.drawing import Caption, Drawing, Form, number
from telemetry.charts.scales import finite
from telemetry.charts.theme import Theme

SPARKLINE = Form(width=120, text_px=12, label_width_max=0, plot_height=28)
_EDGE = 4.0


def sparkline(
    caption: Caption, values: Sequence[float | None], *, form: Form = SPARKLINE, theme: Theme = Theme.AUTO
) -> str:
    """Return a line through values at equal distances, from the lowest to the highest, with a dot on the last.

    None leaves a gap. Without values the line is flat and grey.
    """
    drawing = Drawing(form)
    known = finite(values)
    drawing.rule(".n{fill:none;stroke-width:1.5;stroke-linecap:round;stroke-linejoin:round}")
    if not known:
        drawing.rule(".e{stroke:var(--muted);stroke-dasharray:2 3}")
        drawing.path(f"M{number(_EDGE)} {number(form.plot_height - _EDGE)}H{number(form.width - _EDGE)}", "n e")
        return drawing.document(form.plot_height, caption, theme)
    drawing.rule(".p{stroke:var(--h0)}", ".v{fill:var(--h0)}")
    low, extent = min(known), max(known) - min(known)
    step = (form.width - 2 * _EDGE) / max(len(values) - 1, 1)
    path, last, is_drawing = [], (0.0, 0.0), False
    for place, value in enumerate(values):
        if value is None or not finite([value]):
            is_drawing = False
            continue
        height = (value - low) / extent if extent else 0.5
        last = (_EDGE + place * step, form.plot_height - _EDGE - height * (form.plot_height - 2 * _EDGE))
        path.append(f"{'L' if is_drawing else 'M'}{number(last[0])} {number(last[1])}{'' if is_drawing else 'h0'}")
        is_drawing = True
    drawing.path("".join(path), "n p")
    drawing.path(f"M{number(last[0])} {number(last[1])}m-2.5 0a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0z", "v")
    return drawing.document(form.plot_height, caption, theme)
