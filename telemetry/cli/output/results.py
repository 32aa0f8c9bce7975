"""Rows as an aligned table, CSV or JSON, and JSON documents, on standard output."""

import csv
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import click
import msgspec
import orjson

from telemetry.cli.output.event_lines import printable, shortened

_CELL_WIDTH_MAX = 60

Rows = Iterator[Sequence[Any]]


def print_csv(columns: list[str], rows: Rows) -> None:
    """Print a line of names, then a line for each row; NULL is empty."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_text(value) for value in row] for row in rows)


def print_json(columns: list[str], rows: Rows) -> None:
    """Print one JSON array with an object for each row."""
    names = _distinct(columns)
    separator = b"[\n"
    for row in rows:
        document = dict(zip(names, map(_json_value, row), strict=True))
        click.echo(separator + orjson.dumps(document), nl=False)
        separator = b",\n"
    click.echo(b"\n]" if separator == b",\n" else b"[]")


def print_document(document: Any) -> None:
    """Print one JSON document; names of files that are not UTF-8 keep their bytes as lone surrogates."""
    try:
        click.echo(msgspec.json.encode(document))
    except UnicodeEncodeError:
        click.echo(json.dumps(msgspec.to_builtins(document)))


def print_table(columns: list[str], rows: Rows, *, rows_max: int) -> None:
    """Print aligned columns, numbers to the right; say so when there are more than ``rows_max`` rows (0: no limit)."""
    shown = [list(row) for row in islice(rows, rows_max or None)]
    cells = [[_cell(value) for value in row] for row in shown]
    widths = [max(map(len, column)) for column in zip(map(printable, columns), *cells, strict=True)]
    numeric = [
        bool(shown) and all(isinstance(row[place], int | float | None) for row in shown)
        for place in range(len(columns))
    ]
    aligned: list[Callable[[str, int], str]] = [str.rjust if number else str.ljust for number in numeric]

    def line(texts: Sequence[str]) -> str:
        padded = (align(text, width) for align, text, width in zip(aligned, texts, widths, strict=True))
        return "  ".join(padded).rstrip()

    click.echo(click.style(line([printable(column) for column in columns]), bold=True))
    click.echo("  ".join("-" * width for width in widths))
    for row in cells:
        click.echo(line(row))
    if rows_max and next(rows, None) is not None:
        click.echo(f"the first {rows_max:,} rows; --limit 0 prints all, --format csv or json streams them", err=True)


def _cell(value: Any) -> str:
    return shortened(_text(value), _CELL_WIDTH_MAX)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value.hex() if isinstance(value, bytes) else str(value)


def _json_value(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value


def _distinct(columns: list[str]) -> list[str]:
    """Return names of which none hides another: the second ``id`` is ``id_2``."""
    names: list[str] = []
    for column in columns:
        name, number = column, 1
        while name in names:
            number += 1
            name = f"{column}_{number}"
        names.append(name)
    return names
