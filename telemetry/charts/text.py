"""Text in charts: how wide it is about, clipped to what fits, and safe inside SVG."""

import unicodedata
from functools import lru_cache

# Hundredths of the size of the font, of DejaVu Sans: of the fonts that browsers choose, the widest.
_WIDTHS = {
    27: "'", 28: "ijl", 29: "IJ", 32: " ,.", 34: "/:;\\|", 35: "f", 36: "-", 39: "()[]t", 40: "!", 41: "r", 46: '"',
    50: "*_`", 52: "sz", 53: "?", 55: "c", 56: "L", 58: "Fk", 59: "vxy", 60: "P", 61: "TYao", 62: "e", 63: "ESbdghnpqu",
    64: "$0123456789{}", 66: "K", 68: "AV", 69: "BRXZ", 70: "C", 73: "U", 75: "HN", 77: "DG", 78: "&", 79: "OQ",
    82: "w", 84: "#+<=>^~", 86: "M", 95: "%", 97: "m", 99: "W", 100: "@\N{HORIZONTAL ELLIPSIS}",
}  # fmt: skip
_KNOWN = {character: width / 100 for width, characters in _WIDTHS.items() for character in characters}
_KNOWN["\N{NO-BREAK SPACE}"] = _KNOWN[" "]
_WIDE, _OTHER, _BOLD = 1.0, 0.85, 1.15
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
# Longer texts are cut before anything else is done with them.
_CHARACTERS_MAX = 200
_REMEMBERED_MAX = 2_048


@lru_cache(maxsize=_REMEMBERED_MAX)
def width(text: str, size: float, *, bold: bool = False) -> float:
    """Return about how wide a text is in a font of a size, rather too wide than too narrow."""
    return sum(_KNOWN.get(character) or _unknown(character) for character in text) * size * (_BOLD if bold else 1)


def clipped(text: str, size: float, width_max: float, *, bold: bool = False) -> str:
    """Return a text that is at most so wide: what does not fit gives way to an ellipsis."""
    text = readable(text)
    if width(text, size, bold=bold) <= width_max:
        return text
    fitting = text
    while fitting and width(fitting + _ELLIPSIS, size, bold=bold) > width_max:
        fitting = fitting[:-1]
    return fitting.rstrip() + _ELLIPSIS


def readable(text: str) -> str:
    """Return a text on one line, at most 200 characters long, without what XML cannot hold or what turns it around."""
    if len(text) > _CHARACTERS_MAX:
        text = text[: _CHARACTERS_MAX - 1] + _ELLIPSIS
    if text.isascii() and text.isprintable():
        return text
    return "".join(" " if character.isspace() else character for character in text if _is_shown(character))


def escaped(text: str) -> str:
    """Return a text as XML holds it, between tags and in quoted attributes."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _is_shown(character: str) -> bool:
    # Controls, directions and other formats, surrogates, private and unassigned ones, noncharacters among them.
    return character.isspace() or not unicodedata.category(character).startswith("C")


def _unknown(character: str) -> float:
    if unicodedata.east_asian_width(character) in "WF":
        return _WIDE
    return 0.0 if unicodedata.combining(character) else _OTHER
