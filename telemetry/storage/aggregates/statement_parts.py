"""Pieces of the statements that are made from declarations of aggregates."""

from collections.abc import Iterable

from telemetry.counting.declaring import Aggregate

DAY_LENGTH = 10
"""A day is the first characters of a time."""


def listed(names: Iterable[str]) -> str:
    """Return names or expressions as SQL lists them."""
    return ", ".join(names)


def of(source: str, names: Iterable[str]) -> str:
    """Return columns of one table, listed."""
    return listed(f"{source}.{name}" for name in names)


def text(value: str) -> str:
    """Return a text as SQL writes it."""
    return "'" + value.replace("'", "''") + "'"


def day(aggregate: Aggregate, column: str, source: str = "") -> str:
    """Return the expression for the day of a column that holds a day or a time; ``source`` is its table and a point."""
    return source + column if aggregate.kinds[column] == "day" else f"substr({source}{column}, 1, {DAY_LENGTH})"
