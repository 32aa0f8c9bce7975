"""What a chart's SVG puts where, read without any code of the charts but the widths of characters."""

import re
from dataclasses import dataclass
from itertools import combinations
from xml.etree import ElementTree

from telemetry.charts.text import width

_SVG = "{http://www.w3.org/2000/svg}"
_COMMANDS = re.compile(r"([MLHVAZmlhvaz])([^MLHVAZmlhvaz]*)")
_NUMBERS = re.compile(r"-?\d*\.?\d+")


@dataclass(frozen=True)
class Box:
    text: str
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: "Box") -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


class Sheet:
    """An SVG file that was parsed."""

    def __init__(self, svg: str) -> None:
        self.root = ElementTree.fromstring(svg)
        left, top, self.width, self.height = map(float, self.root.attrib["viewBox"].split())
        assert (left, top) == (0, 0)
        self.size = float(self.root.attrib.get("font-size", "0"))
        self.style = self.root.findtext(f"{_SVG}style", "")

    def said(self, name: str) -> str:
        return self.root.findtext(f"{_SVG}{name}", "")

    def paths(self, kind: str = "") -> list[list[tuple[float, float]]]:
        """Return the points of each path that has a class."""
        found = self.root.iter(f"{_SVG}path")
        return [points(path.attrib["d"]) for path in found if not kind or kind in path.get("class", "").split()]

    def texts(self) -> list[Box]:
        return [self._box(text) for text in self.root.iter(f"{_SVG}text")]

    def _box(self, text: ElementTree.Element) -> Box:
        content = text.text or ""
        x, y = float(text.attrib["x"]), float(text.attrib["y"])
        wide = width(content, self.size, bold="b" in text.get("class", "").split())
        if "transform" in text.attrib:
            assert text.attrib["transform"] == f"rotate(-90 {text.attrib['x']} {text.attrib['y']})"
            return Box(content, x - 0.75 * self.size, y - wide, x + 0.2 * self.size, y)
        left = x - {"start": 0.0, "middle": wide / 2, "end": wide}[text.get("text-anchor", "start")]
        return Box(content, left, y - 0.75 * self.size, left + wide, y + 0.2 * self.size)

    def problems(self) -> list[str]:
        """Return what lies outside, and which texts lie on each other."""
        boxes = self.texts()
        outside = [
            f"{box} is outside"
            for box in boxes
            if box.left < 0 or box.top < 0 or box.right > self.width or box.bottom > self.height
        ]
        marks = [
            f"{x} {y} is outside"
            for path in self.paths()
            for x, y in path
            if not (-0.1 <= x <= self.width + 0.1 and -0.1 <= y <= self.height + 0.1)
        ]
        return outside + marks + [f"{one} on {other}" for one, other in combinations(boxes, 2) if one.overlaps(other)]


def points(data: str) -> list[tuple[float, float]]:
    """Return where a path goes; of an arc, where it ends."""
    x = y = 0.0
    found = []
    for command, text in _COMMANDS.findall(data):
        numbers = [float(number) for number in _NUMBERS.findall(text)]
        step = {"M": 2, "L": 2, "H": 1, "V": 1, "A": 7, "Z": 1}[command.upper()]
        for at in range(0, len(numbers), step):
            *_, last = these = numbers[at : at + step]
            from_x, from_y = (x, y) if command.islower() else (0.0, 0.0)
            match command.upper():
                case "H":
                    x = from_x + last
                case "V":
                    y = from_y + last
                case _:
                    x, y = from_x + these[-2], from_y + last
            found.append((x, y))
    return found
