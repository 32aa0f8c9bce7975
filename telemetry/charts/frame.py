"""What surrounds the marks of a chart: heading, key, axes, and the words where there are no values yet."""

from collections.abc import Callable, Sequence

from telemetry.charts.days import Days
from telemetry.charts.drawing import Caption, Drawing, Form, number
from telemetry.charts.scales import Scale
from telemetry.charts.text import clipped, width
from telemetry.charts.theme import Theme
from telemetry.charts.units import Unit

NO_DATA = "no data yet"
MARGIN = 4.0
_GAP = 8.0
_SWATCH = 16.0
_RULE = ".r{stroke:var(--rule);fill:none;shape-rendering:crispEdges}"
_AXIS = ".a{stroke:var(--muted);fill:none;shape-rendering:crispEdges}"
_DASHED = ".d{stroke:var(--muted);stroke-dasharray:2 3;fill:none}"

DrawSwatch = Callable[[int, float, float], None]


def head(drawing: Drawing, caption: Caption) -> float:
    """Write the heading if the caption asks for it; return where the next line begins."""
    if not caption.heading:
        return MARGIN
    line = drawing.form.line_px
    drawing.text(MARGIN, line / 2 + 2, caption.name, width_max=drawing.form.width - 2 * MARGIN, bold=True)
    return line + MARGIN + 2


def key(drawing: Drawing, top: float, names: Sequence[str], swatch: DrawSwatch) -> float:
    """Write what the marks mean, in as many lines as it takes; return where the next line begins."""
    form = drawing.form
    x, line = MARGIN, form.line_px
    # A name that is too long to stand beside others gets a line of its own.
    width_max = form.width - 2 * MARGIN - _SWATCH
    for position, name in enumerate(names):
        taken = _SWATCH + width(clipped(name, form.text_px, width_max), form.text_px)
        if x > MARGIN and x + taken > form.width - MARGIN:
            x, top = MARGIN, top + line
        swatch(position, x + _SWATCH / 2 - 2, top + line / 2)
        drawing.text(x + _SWATCH, top + line / 2, name, width_max=width_max)
        x += taken + 2 * _GAP
    return top + line + MARGIN


def gutter(form: Form, scale: Scale, unit: Unit) -> float:
    """Return how much room the names of a scale's ticks need on the left."""
    widest = max(width(unit.write(tick), form.text_px) for tick in scale.ticks)
    # Mostly the same, so that charts above each other begin at one line.
    return max(MARGIN + _GAP + widest, form.gutter_min)


def value_axis(drawing: Drawing, scale: Scale, unit: Unit, left: float, right: float) -> None:
    """Draw a line across the plot at each tick, with its name on the left; the line at the bottom is the strongest."""
    drawing.rule(_RULE, _AXIS)
    levels = [(tick, round(scale(tick)) + 0.5) for tick in scale.ticks]
    path = "".join(f"M{number(left)} {number(y)}H{number(right)}" for tick, y in levels if tick != scale.low)
    drawing.path(path, "r")
    drawing.path(f"M{number(left)} {number(round(scale(scale.low)) + 0.5)}H{number(right)}", "a")
    for tick, y in levels:
        drawing.text(left - _GAP, y, unit.write(tick), anchor="end", kind="m")


def day_axis(drawing: Drawing, days: Days, bottom: float, text_right: float) -> float:
    """Name a few days below the plot; return where what follows begins."""
    size = drawing.form.text_px
    y = bottom + _GAP + size / 2
    drawing.rule(_AXIS)
    ticks = days.ticks(size)
    drawing.path("".join(f"M{number(round(days(day)) + 0.5)} {number(bottom)}v4" for day, _ in ticks), "a")
    for day, name in ticks:
        half = width(name, size) / 2
        drawing.text(min(max(days(day), half + 2), text_right - half), y, name, anchor="middle", kind="m")
    return y + size / 2 + MARGIN


def reference_lines(drawing: Drawing, lines: Sequence[tuple[float, str]], top: float, bottom: float) -> None:
    """Draw a dashed line at each position, from left to right; of names that would overlap, the last one stays."""
    size, line = drawing.form.text_px, drawing.form.line_px
    drawing.rule(_DASHED)
    edge = drawing.form.width - 2.0
    for x, name in reversed(lines):
        half = width(clipped(name, size, drawing.form.label_width_max), size) / 2
        drawing.path(f"M{number(x)} {number(top + line - 2)}V{number(bottom)}", "d")
        middle = min(max(x, half + 2), edge - half)
        # One that had to move further than its own line is no longer beside it.
        if abs(middle - x) < half:
            width_max = drawing.form.label_width_max
            drawing.text(middle, top + line / 2, name, anchor="middle", kind="m", width_max=width_max)
            edge = middle - half - _GAP


def value_ticks(drawing: Drawing, scale: Scale, unit: Unit, top: float, bottom: float) -> None:
    """Draw a line down the plot at each tick, with its name above."""
    drawing.rule(_RULE)
    drawing.path(
        "".join(f"M{number(round(scale(tick)) + 0.5)} {number(top)}V{number(bottom)}" for tick in scale.ticks), "r"
    )
    tick_names(drawing, scale, unit, top - drawing.form.line_px / 2)


def tick_names(drawing: Drawing, scale: Scale, unit: Unit, y: float) -> None:
    """Write the names of a scale's ticks on a line, without those for which there is no room."""
    size = drawing.form.text_px
    edge = 0.0
    for tick in scale.ticks:
        name = unit.write(tick)
        half = width(name, size) / 2
        middle = min(max(scale(tick), half + 2), drawing.form.width - half - 2)
        if middle - half >= edge:
            drawing.text(middle, y, name, anchor="middle", kind="m")
            edge = middle + half + _GAP


def nothing(form: Form, caption: Caption, theme: Theme) -> str:
    """Return a chart without values: it says so, and is as high as most others."""
    drawing = Drawing(form)
    top = head(drawing, caption)
    height = form.plot_height / 2
    drawing.rule(_AXIS)
    drawing.text(form.width / 2, top + height / 2, NO_DATA, anchor="middle", kind="m")
    drawing.path(f"M{number(MARGIN)} {number(top + height - 0.5)}H{number(form.width - MARGIN)}", "a")
    return drawing.document(top + height + MARGIN, caption, theme)
