"""Badges: a label and a value, for the top of a README."""

from enum import Enum

from telemetry.charts.text import clipped, escaped, readable, width

HEIGHT = 20
_TEXT_PX = 11
_PADDING = 6
_LABEL_WIDTH_MAX, _VALUE_WIDTH_MAX = 180.0, 240.0
LABEL_COLOUR = "#3d444d"
_FONT = "Verdana,'DejaVu Sans',Geneva,sans-serif"


class Tone(Enum):
    """What a value says, and the colour that says so; white text on it has a contrast of at least 4.5."""

    GOOD = "#1a7f37"
    WARNING = "#9a6700"
    BAD = "#c4242d"
    NEUTRAL = "#0860c4"
    UNKNOWN = "#59636e"


def badge(label: str, value: str, tone: Tone) -> str:
    """Return a badge; what is longer than its 180 or 240 pixels is clipped, and is whole in the title."""
    title = f"{readable(label)}: {readable(value)}"
    label, value = clipped(label, _TEXT_PX, _LABEL_WIDTH_MAX), clipped(value, _TEXT_PX, _VALUE_WIDTH_MAX)
    left, right = _box(label), _box(value)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{left + right}" height="{HEIGHT}" '
        f'viewBox="0 0 {left + right} {HEIGHT}"><title>{escaped(title)}</title>'
        f'<clipPath id="r"><rect width="{left + right}" height="{HEIGHT}" rx="3"/></clipPath><g clip-path="url(#r)">'
        f'<path fill="{LABEL_COLOUR}" d="M0 0H{left}V{HEIGHT}H0z"/>'
        f'<path fill="{tone.value}" d="M{left} 0h{right}v{HEIGHT}h-{right}z"/></g>'
        f'<g fill="#fff" text-anchor="middle" font-family="{_FONT}" font-size="{_TEXT_PX}">'
        f"{_text(left / 2, left, label)}{_text(left + right / 2, right, value)}</g></svg>\n"
    )


def _box(text: str) -> int:
    return round(width(text, _TEXT_PX)) + 2 * _PADDING


def _text(middle: float, box: int, text: str) -> str:
    # The length is given, so that another font fills the box as well.
    return f'<text x="{middle:g}" y="14" textLength="{box - 2 * _PADDING}">{escaped(text)}</text>' if text else ""
