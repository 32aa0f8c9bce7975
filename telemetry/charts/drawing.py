"""A drawing: marks and texts on a sheet, written as SVG with one decimal, in the order they were put there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from telemetry.charts.text import clipped, escaped, readable, width
from telemetry.charts.theme import Theme, style

Anchor = Literal["start", "middle", "end"]
# From the middle of a line of text down to its baseline, in sizes of the font.
_BASELINE = 0.35


@dataclass(frozen=True, slots=True)
class Form:
    """A size that a chart is drawn in, in pixels. Text keeps its size when a form is shown as wide as it is."""

    width: int
    text_px: int
    label_width_max: int
    plot_height: int
    gutter_min: int = 0

    @property
    def line_px(self) -> int:
        """Return how far lines of text are apart."""
        return self.text_px + 8


WIDE = Form(width=720, text_px=12, label_width_max=150, plot_height=220, gutter_min=56)
# Shown 288 px wide, on the narrowest phones, its text is still 11 px high.
NARROW = Form(width=360, text_px=14, label_width_max=112, plot_height=200, gutter_min=60)


@dataclass(frozen=True, slots=True)
class Caption:
    """What a chart is called and what it says, for those who do not see it; a heading shows the name above it too."""

    name: str
    claim: str
    heading: bool = False


def number(value: float) -> str:
    """Return a coordinate with at most one decimal."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


class Drawing:
    """Collects what is drawn; ``document`` returns it as a file."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self._marks: list[str] = []
        self._rules: dict[str, None] = {}

    def rule(self, *rules: str) -> None:
        """Add rules to the style sheet, each once."""
        self._rules.update(dict.fromkeys(rules))

    def path(self, data: str, kind: str) -> None:
        """Draw a path of a class; without data nothing is drawn."""
        if data:
            self._marks.append(f'<path class="{kind}" d="{data}"/>')

    def box(self, left: float, top: float, right: float, bottom: float, kind: str) -> None:
        """Fill a box."""
        self.path(f"M{number(left)} {number(top)}H{number(right)}V{number(bottom)}H{number(left)}z", kind)

    def text(
        self,
        x: float,
        y: float,
        content: str,
        *,
        anchor: Anchor = "start",
        kind: str = "",
        width_max: float | None = None,
        tail: str = "",
        bold: bool = False,
        turned: bool = False,
    ) -> float:
        """Write a text whose middle line is at ``y``; return about how wide it is.

        A turned text runs upwards from ``y``, and its middle line is at ``x``.

        What is wider than ``width_max`` is clipped, all but the tail, and has the whole as its title.
        """
        size = self.form.text_px
        shown = whole = readable(content) + tail
        if width_max is not None:
            shown = clipped(content, size, width_max - width(tail, size, bold=bold), bold=bold) + tail
        title = f"<title>{escaped(whole)}</title>" if shown != whole else ""
        classes = " ".join(name for name in (kind, "b" if bold else "") if name)
        attributes = (f' class="{classes}"' if classes else "") + (f' text-anchor="{anchor}"' * (anchor != "start"))
        if bold:
            self.rule(".b{font-weight:600}")
        if kind == "m":
            self.rule("text.m{fill:var(--muted)}")
        baseline = size * _BASELINE
        at_x, at_y = (number(x + baseline), number(y)) if turned else (number(x), number(y + baseline))
        attributes += f' transform="rotate(-90 {at_x} {at_y})"' * turned
        self._marks.append(f'<text x="{at_x}" y="{at_y}"{attributes}>{escaped(shown)}{title}</text>')
        return width(shown, size, bold=bold)

    def document(self, height: float, caption: Caption, theme: Theme) -> str:
        """Return the drawing as an SVG file, with its name and claim for those who do not see it."""
        wide, high = self.form.width, number(height)
        marks = f'<path fill="var(--background)" d="M0 0H{wide}V{high}H0z"/>{"".join(self._marks)}'
        return "".join((
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{wide}" height="{high}" '
            f'viewBox="0 0 {wide} {high}" font-size="{self.form.text_px}">',
            f"<title>{escaped(readable(caption.name))}</title><desc>{escaped(caption.claim)}</desc>",
            style(theme, "".join(self._rules), marks),
            marks,
            "</svg>\n",
        ))  # fmt: skip


def spread(wanted: Sequence[float], distance: float, low: float, high: float) -> list[float]:
    """Return positions near the wanted ascending ones, in their order, each at least a distance above the one before.

    Those that are too close make room for each other on both sides. Where they do not all fit, they are as far apart
    as they can be.
    """
    distance = min(distance, (high - low) / max(len(wanted) - 1, 1))
    raised = _pushed(wanted, distance, low, high)
    lowered = [-position for position in _pushed([-each for each in reversed(wanted)], distance, -high, -low)]
    return [(one + other) / 2 for one, other in zip(raised, reversed(lowered), strict=True)]


def _pushed(wanted: Sequence[float], distance: float, low: float, high: float) -> list[float]:
    """Return the wanted positions, each raised above the one before, and then lowered below the high end."""
    positions = list(wanted)
    edge = low
    for place, position in enumerate(positions):
        positions[place] = edge = max(position, edge)
        edge += distance
    edge = high
    for place in range(len(positions) - 1, -1, -1):
        positions[place] = edge = min(positions[place], edge)
        edge -= distance
    return positions
