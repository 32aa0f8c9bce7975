"""Exhibits: a chart with the table it is drawn from, as SVG, CSV, JSON and rows of a page."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import orjson

from telemetry.charts.drawing import WIDE, Caption, Form
from telemetry.charts.frame import nothing
from telemetry.charts.theme import Theme
from telemetry.charts.units import Unit

Cell = str | int | float | date | None
# What spreadsheets would take for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@")


@dataclass(frozen=True, slots=True)
class ExhibitColumn:
    """A column: its name in files, its heading on pages, and what its numbers are; names have no unit.

    ``missing`` is what a page says where there is no number.
    """

    key: str
    heading: str
    unit: Unit | None = None
    missing: str = "\N{EN DASH}"

    def write(self, cell: Cell) -> str:
        """Return a cell as a reader sees it."""
        if cell is None:
            return self.missing
        if self.unit is not None and isinstance(cell, int | float):
            return f"{cell:,}" if self.unit is Unit.COUNT and isinstance(cell, int) else self.unit.figure(cell)
        return str(cell)


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A named chart; ``draw`` makes it of a caption, and nothing else is needed to know what it shows."""

    name: str
    caption: Caption
    columns: Sequence[ExhibitColumn]
    rows: Sequence[Sequence[Cell]]
    draw: Callable[[Caption, Form, Theme], str]

    def svg(self, form: Form = WIDE, theme: Theme = Theme.AUTO, *, heading: bool = False) -> bytes:
        """Return the chart as a file of its own; with a heading it says what it is wherever it is embedded."""
        return self.draw(Caption(self.caption.name, self.caption.claim, heading), form, theme).encode()

    def csv(self) -> bytes:
        """Return the table; names that a spreadsheet would take for a formula begin with an apostrophe."""
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow([column.key for column in self.columns])
        writer.writerows([[_plain(cell) for cell in row] for row in self.rows])
        return text.getvalue().encode()

    def json(self) -> bytes:
        """Return the table as objects, with the words of the chart."""
        keys = [column.key for column in self.columns]
        rows = [dict(zip(keys, row, strict=True)) for row in self.rows]
        return orjson.dumps({"name": self.name, "title": self.caption.name, "claim": self.caption.claim, "rows": rows})


def no_exhibit(name: str) -> Exhibit:
    """Return what stands for a chart that has no data."""
    caption = Caption("No data yet", "Nothing is published under this name.")
    return Exhibit(name, caption, (), (), nothing_drawn)


def nothing_drawn(caption: Caption, form: Form, theme: Theme) -> str:
    """Return a chart that says that there is nothing."""
    return nothing(form, caption, theme)


def _plain(cell: Cell) -> Cell:
    if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS):
        return f"'{cell}"
    return round(cell, 6) if isinstance(cell, float) else cell
