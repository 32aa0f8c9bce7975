"""``telemetry published``."""

from itertools import groupby
from pathlib import Path
from typing import Any

import click
import msgspec

from telemetry.cli.arguments import data_to_read
from telemetry.cli.options import settings_options
from telemetry.published.overview import SeriesWindow, published_series
from telemetry.published.series import SERIES

_HEADINGS = ("window", "state", "named", "other", "withheld", "no name", "set aside", "late")


@click.command("published")
@click.option("--series", "name", type=click.Choice([one.name for one in SERIES]), help="Show the windows of a series.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: every series of every window.")
@settings_options("environment", "data_dir", "log_format")
def command(*, name: str | None, as_json: bool, config: Path | None, **flags: Any) -> None:
    """Show what is public, and how much has no name there, by series; the service may be running or not.

    Counts are observations: events, or the keys in them. The dashboard's shares without a name are of installations
    instead. `other` and `withheld` have no name in public, what is `set
    aside` is in no number, and `late` events came after their window was closed.

    Example: telemetry published --series versions
    """
    found = [one for one in published_series(data_to_read(config, flags)) if name in {None, one.series}]
    if as_json:
        click.echo(msgspec.json.encode([one._asdict() for one in found]))
    elif name is None:
        lines = [_line(f"{series} ({len(own)})", own[-1].start, own) for series, own in _by_series(found)]
        _print_table(("series (windows)", "last window", *_HEADINGS[2:]), lines)
    else:
        _print_table(_HEADINGS, [_line(one.start, _state(one), [one]) for one in found])


def _by_series(found: list[SeriesWindow]) -> list[tuple[str, list[SeriesWindow]]]:
    return [(series, list(own)) for series, own in groupby(found, lambda one: one.series)]


def _state(one: SeriesWindow) -> str:
    return one.state if one.generation == 1 else f"{one.state}, made {one.generation} times"


def _line(first: str, second: str, own: list[SeriesWindow]) -> tuple[str, ...]:
    columns = zip(*((one.named, one.other, one.withheld) for one in own), strict=True)
    named, other, withheld = map(sum, columns)
    unnamed = (other + withheld) / (named + other + withheld) if named + other + withheld else 0.0
    aside, late = sum(sum(one.aside.values()) for one in own), sum(one.late for one in own)
    return (first, second, f"{named:,}", f"{other:,}", f"{withheld:,}", f"{unnamed:.0%}", f"{aside:,}", f"{late:,}")


def _print_table(headings: tuple[str, ...], lines: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(headings, *lines, strict=True)]
    for line in (headings, *lines):
        texts = [cell.ljust(width) for cell, width in zip(line[:2], widths, strict=False)]
        numbers = [cell.rjust(width) for cell, width in zip(line[2:], widths[2:], strict=True)]
        click.echo("  ".join([*texts, *numbers]))
