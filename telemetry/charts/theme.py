"""Colours, light and dark, and the style sheet that each chart carries.

Text has a contrast of at least 4.5 to the background, marks of at least 3. In a stack, the shades go from the strongest
to the faintest, so that neighbours also differ without colour.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Theme(Enum):
    """Which colours a chart has: those that the reader prefers, or always the same."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one scheme, as six hexadecimal digits behind a number sign."""

    background: str
    ink: str
    muted: str
    rule: str
    zone: str
    alarm: str
    hues: tuple[str, ...]
    shades: tuple[str, ...]

    def colour(self, variable: str) -> str:
        """Return the colour that a style sheet has as a variable: by its name, or ``h2`` for the third hue."""
        if variable[1:].isdecimal():
            return {"h": self.hues, "s": self.shades}[variable[0]][int(variable[1:])]
        colour: str = getattr(self, variable)
        return colour


LIGHT = Palette(
    background="#ffffff",
    ink="#1f2328",
    muted="#59636e",
    rule="#d8dee4",
    zone="#e3f1e7",
    alarm="#c4242d",
    hues=("#0550ae", "#b33a00", "#1a7f37", "#8250df", "#7d4e00", "#59636e"),
    shades=("#0a2f6b", "#0969da", "#3c8f8a", "#8a77d6", "#b0762a", "#87909a"),
)
DARK = Palette(
    background="#0d1117",
    ink="#e6edf3",
    muted="#9198a1",
    rule="#2b3139",
    zone="#12261a",
    alarm="#ff7b72",
    hues=("#58a6ff", "#f0883e", "#3fb950", "#bc8cff", "#d29922", "#9198a1"),
    shades=("#cae2ff", "#58a6ff", "#56b3a9", "#9a82d8", "#a8772c", "#6b747e"),
)
# Of each number of series, which shades tell them apart best; from three on, the last is the rest.
_SHADES_OF = {1: (1,), 2: (0, 1), 3: (0, 1, 5), 4: (0, 1, 2, 5), 5: (0, 1, 2, 3, 5), 6: (0, 1, 2, 3, 4, 5)}
SERIES_MAX = 6
_find_variables = re.compile(r"var\(--(\w+)\)").findall
_FONT = "system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif"


def shades_of(count: int) -> tuple[int, ...]:
    """Return the numbers of the shades that ``count`` series of a stack have, from the strongest."""
    return _SHADES_OF[count]


def style(theme: Theme, rules: str, marks: str) -> str:
    """Return a style sheet: the rules, the font, and those colours as variables that the rules and the marks use."""
    font = f"text{{font-family:{_FONT};font-variant-numeric:tabular-nums;fill:var(--ink)}}" if "<text" in marks else ""
    used = sorted(set(_find_variables(f"{font}{rules}{marks}")))
    schemes = {
        Theme.LIGHT: lambda: _variables(LIGHT, used),
        Theme.DARK: lambda: _variables(DARK, used),
        Theme.AUTO: lambda: f"{_variables(LIGHT, used)}@media(prefers-color-scheme:dark){{{_variables(DARK, used)}}}",
    }
    return f"<style>{schemes[theme]()}{font}{rules}</style>"


def _variables(palette: Palette, used: Sequence[str]) -> str:
    return f"svg{{{';'.join(f'--{name}:{palette.colour(name)}' for name in used)}}}"
