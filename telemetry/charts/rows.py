"""Rows: the names on the left, a figure on the right, and between them a scale that all rows share."""

from collections.abc import Sequence
from dataclasses import dataclass

from telemetry.charts import frame
from telemetry.charts.drawing import Drawing
from telemetry.charts.scales import Scale
from telemetry.charts.text import clipped, width
from telemetry.charts.units import Unit

ROWS_MAX = 100
_GAP = 12.0
_ROW_PADDING = 12


@dataclass(frozen=True, slots=True)
class RowLabel:
    """What stands beside a row: its name, its figure, and whether somebody has to look at it."""

    name: str
    figure: str
    highlighted: bool = False


class RowLayout:
    """Where rows are: from the left to the right of the plot, and how far down each is."""

    def __init__(self, drawing: Drawing, labels: Sequence[RowLabel], top: float) -> None:
        self._drawing = drawing
        self._labels = labels
        form = drawing.form
        self.height = form.text_px + _ROW_PADDING
        self.top = top + form.line_px
        self.bottom = self.top + self.height * len(labels)
        names = (
            width(clipped(label.name, form.text_px, form.label_width_max, bold=label.highlighted), form.text_px,
                  bold=label.highlighted)
            for label in labels
        )  # fmt: skip
        self.left = frame.MARGIN + max(names) + _GAP
        figures = max(width(label.figure, form.text_px, bold=label.highlighted) for label in labels)
        self.right = form.width - frame.MARGIN - figures - _GAP

    def y(self, number: int) -> float:
        """Return the middle of a row."""
        return self.top + (number + 0.5) * self.height

    def draw(self, scale: Scale, unit: Unit) -> None:
        """Draw the scale and write what stands beside the rows."""
        drawing = self._drawing
        frame.value_ticks(drawing, scale, unit, self.top, self.bottom)
        for number, label in enumerate(self._labels):
            y = self.y(number)
            kind = "w" if label.highlighted else ""
            if label.highlighted:
                drawing.rule("text.w{fill:var(--alarm)}")
            drawing.text(
                self.left - _GAP, y, label.name, anchor="end", kind=kind, bold=label.highlighted,
                width_max=drawing.form.label_width_max,
            )  # fmt: skip
            drawing.text(
                drawing.form.width - frame.MARGIN, y, label.figure, anchor="end", kind=kind or "m",
                bold=label.highlighted,
            )  # fmt: skip
