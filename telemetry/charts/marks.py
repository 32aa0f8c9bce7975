"""Marks that differ by shape and dash, so that they are told apart without colour."""

from collections.abc import Iterable

from telemetry.charts.drawing import Drawing, number

_DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 2", "1 2")
_RADIUS = 4.5


def shape(kind: int, x: float, y: float) -> str:
    """Return the path of the n-th shape around a point: circle, square, diamond, two triangles, cross."""
    at, radius = f"M{number(x)} {number(y)}", _RADIUS
    match kind % 6:
        case 0:
            return f"{at}m-{radius} 0a{radius} {radius} 0 1 0 9 0a{radius} {radius} 0 1 0-9 0z"
        case 1:
            return f"{at}m-4-4h8v8h-8z"
        case 2:
            return f"{at}m0-6l6 6-6 6-6-6z"
        case 3:
            return f"{at}m0-5.5l5.5 9.5h-11z"
        case 4:
            return f"{at}m0 5.5l5.5-9.5h-11z"
        case _:
            return f"{at}m-1.5-5h3v3.5h3.5v3h-3.5v3.5h-3v-3.5h-3.5v-3h3.5z"


def draw_shapes(drawing: Drawing, kind: int, points: Iterable[tuple[float, float]], *, hue: int | None = None) -> None:
    """Draw the n-th shape around points, in a hue, or else the n-th.

    A rim of the background keeps it whole above others.
    """
    hue = kind if hue is None else hue
    drawing.rule(".k{stroke:var(--background);stroke-width:1.5;paint-order:stroke}", f".k{hue}{{fill:var(--h{hue})}}")
    drawing.path("".join(shape(kind, x, y) for x, y in points), f"k k{hue}")


def line_class(drawing: Drawing, kind: int) -> str:
    """Return the class of the n-th line, which has the n-th hue and dash."""
    dash = f";stroke-dasharray:{_DASHES[kind]}" if _DASHES[kind] else ""
    drawing.rule(
        ".l{fill:none;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}",
        f".l{kind}{{stroke:var(--h{kind}){dash}}}",
    )
    return f"l l{kind}"
