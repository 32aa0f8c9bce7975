"""Dots with intervals: shares of several kinds for each row, and where they ought to be."""

from collections.abc import Sequence
from dataclasses import dataclass

from telemetry.charts import frame
from telemetry.charts.drawing import WIDE, Caption, Drawing, Form, number
from telemetry.charts.marks import draw_shapes
from telemetry.charts.rows import ROWS_MAX, RowLabel, RowLayout
from telemetry.charts.scales import finite, shares
from telemetry.charts.theme import Theme
from telemetry.charts.units import Unit

_ZONE_RULE = ".o{fill:var(--zone)}"
_TARGET_RULE = ".t{stroke:var(--h2);fill:none;stroke-dasharray:4 3}"
# Shapes and hues of the kinds: the last, which the chart is about, stands out.
_LOOKS = ((3, 3), (0, 5), (1, 4), (2, 0))


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share, and the interval that it lies in with the certainty that the chart's words name."""

    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class DotRow:
    """A name and its estimates, one for each kind, None where too little is known; some rows need attention.

    A ``note`` stands in the place of the figure: why there is none to go by.
    """

    name: str
    estimates: Sequence[Estimate | None]
    highlighted: bool = False
    note: str = ""


def dots(
    caption: Caption,
    kinds: Sequence[str],
    rows: Sequence[DotRow],
    *,
    target: float | None = None,
    form: Form = WIDE,
    theme: Theme = Theme.AUTO,
) -> str:
    """Return a chart with a row of dots for each name, at most 100; the figure on the right is of the last kind.

    There are up to four kinds. From the target on to the right the plot is shaded: there the last kind belongs.
    """
    shown = [row for row in rows if any(map(_known, row.estimates))][:ROWS_MAX]
    if not shown:
        return frame.nothing(form, caption, theme)
    drawing = Drawing(form)
    looks = _LOOKS[-len(kinds) :]
    top = _draw_key(drawing, frame.head(drawing, caption), kinds, target)
    labels = [RowLabel(row.name, row.note or _figure(row.estimates[len(looks) - 1]), row.highlighted) for row in shown]
    layout = RowLayout(drawing, labels, top)
    scale = shares(layout.left, layout.right, steps=4 if form.width >= WIDE.width else 2)
    if target is not None:
        drawing.rule(_ZONE_RULE)
        drawing.box(scale(target), layout.top, layout.right, layout.bottom, "o")
    layout.draw(scale, Unit.SHARE)
    if target is not None:
        drawing.rule(_TARGET_RULE)
        drawing.path(f"M{number(scale(target))} {number(layout.top)}V{number(layout.bottom)}", "t")
    known = [
        [(each, layout.y(place)) for place, row in enumerate(shown) if (each := row.estimates[kind]) and _known(each)]
        for kind in range(len(looks))
    ]
    drawing.rule(".i{fill:none;stroke-width:2;opacity:.5}")
    for (_, hue), estimates in zip(looks, known, strict=True):
        drawing.rule(f".i{hue}{{stroke:var(--h{hue})}}")
        bounds = ((min(each.low, each.share), max(each.high, each.share), y) for each, y in estimates)
        path = "".join(f"M{number(scale(low))} {number(y)}H{number(scale(high))}" for low, high, y in bounds)
        drawing.path(path, f"i i{hue}")
    for (shape, hue), estimates in zip(looks, known, strict=True):
        draw_shapes(drawing, shape, [(scale(each.share), y) for each, y in estimates], hue=hue)
    return drawing.document(layout.bottom + frame.MARGIN, caption, theme)


def _draw_key(drawing: Drawing, top: float, kinds: Sequence[str], target: float | None) -> float:
    looks = _LOOKS[-len(kinds) :]

    def swatch(place: int, x: float, y: float) -> None:
        if place < len(looks):
            shape, hue = looks[place]
            draw_shapes(drawing, shape, [(x, y)], hue=hue)
        else:
            drawing.rule(_ZONE_RULE, _TARGET_RULE)
            drawing.box(x - 5, y - 6, x + 6, y + 6, "o")
            drawing.path(f"M{number(x - 5)} {number(y - 6)}v12", "t")

    names = [*kinds[: len(looks)], *([f"target {Unit.SHARE.write(target)}"] if target is not None else [])]
    return frame.key(drawing, top, names, swatch)


def _known(estimate: Estimate | None) -> bool:
    return estimate is not None and len(finite([estimate.share, estimate.low, estimate.high])) == 3  # noqa: PLR2004


def _figure(estimate: Estimate | None) -> str:
    return Unit.SHARE.figure(estimate.share) if estimate is not None and _known(estimate) else ""
