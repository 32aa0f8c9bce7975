"""The public statistics as groups of small bar charts, as wide as the terminal."""

import shutil
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import click

from telemetry.cli.output.event_lines import printable, shortened
from telemetry.cli.output.streams import shows

_BARS_MAX = 12
_NAME_WIDTH_MAX = 32
_BAR_WIDTH_MIN = 8
_WIDTH_MAX = 120
_BLOCK, _EIGHTHS = "█", " ▏▎▍▌▋▊▉"
_PLAIN_BLOCK = "#"


class Chart(NamedTuple):
    """Values that are compared with each other."""

    title: str
    values: dict[str, int]


_TITLES = {"events": "Events", "category": "Categories", "language": "Languages", "version": "Versions"}


def charts(document: Mapping[str, Any]) -> list[Chart]:
    """Return the charts of a statistics document; metrics of a kind that is not known yet come last."""
    grouped: dict[str, dict[str, int]] = {prefix: {} for prefix in _TITLES}
    others: dict[str, int] = {}
    for metric, value in document["metrics"].items():
        prefix, separator, label = metric.partition(":")
        (grouped.setdefault(prefix, {}) if separator else others)[label or metric] = value
    found = [Chart(_TITLES.get(prefix, prefix), values) for prefix, values in grouped.items() if values]
    installation_days = others.pop("unique_installations", 0)
    active = {f"active within {days} d": count for days, count in document.get("activeInstallations", {}).items()}
    installations = active | {metric.replace("_", " "): value for metric, value in others.items()}
    return [*found, Chart(f"Installations ({installation_days:,} installation-days)", installations)]


def chart_lines(chart: Chart, width: int | None = None) -> Iterator[str]:
    """Return the lines of a chart: its title, a bar for each of the greatest values, and what the others sum up to."""
    width = min(width or shutil.get_terminal_size().columns, _WIDTH_MAX)
    shown = list(chart.values.items())[:_BARS_MAX]
    rest = list(chart.values.values())[_BARS_MAX:]
    names = [shortened(name, _NAME_WIDTH_MAX) for name, _ in shown]
    name_width = max(map(len, names), default=0)
    number_width = max((len(f"{value:,}") for _, value in shown), default=0)
    bar_width = max(width - name_width - number_width - 6, _BAR_WIDTH_MIN)
    greatest = max((value for _, value in shown), default=0)
    yield click.style(printable(chart.title), bold=True)
    for name, (_, value) in zip(names, shown, strict=True):
        bar = _bar(value, greatest, bar_width)
        yield f"  {name:{name_width}}  {value:>{number_width},}  {bar and click.style(bar, fg='cyan')}".rstrip()
    if rest:
        yield click.style(f"  and {len(rest)} more, together {sum(rest):,}", dim=True)


def _bar(value: int, greatest: int, width: int) -> str:
    """Return a bar with a length in eighths of a character, if the output has them; a nonzero value always shows."""
    if value <= 0 or greatest <= 0:
        return ""
    if not shows(_BLOCK + _EIGHTHS):
        return _PLAIN_BLOCK * max(round(value * width / greatest), 1)
    eighths = max(round(value * width * 8 / greatest), 1)
    return _BLOCK * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
