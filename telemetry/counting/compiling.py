"""Code that counts events in memory, written from the declaration of an aggregate.

Counting runs for every event. A loop over columns would cost several times what the written code does.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from telemetry.clock import column_seconds, day_of
from telemetry.counting.columns import Earliest, Extreme, Greatest, Key, Labelled, Least, Newest, StoredColumn, Sum
from telemetry.counting.day_labels import NO_LABEL
from telemetry.counting.declaring import LABELS, Aggregate

# `measures` reads from an event what it adds, `first` makes a row of that, `more` adds it to a row.
_COUNT = """
def count(rows, name, appended):
    day, received_at = appended.day, appended.received_at
    for event in appended.events:
        if type(event) is not counted_class:
            continue
        {measures}
        row = rows.get({key})
        if row is None:
            {shared}
            rows[{key}] = Row({first})
            continue
        {more}
"""
_VALUES = """
def values(rows, numbers):
    found = []
    for row in rows:
        found += ({stored})
    return found
"""
_MERGE = """
def merge(row, other):
    {merged}
"""
# Clients send fewer. When somebody makes up more, rows take the memory that they would take without sharing.
_SHARED_TEXTS_MAX = 4_096
_PYTHON_TYPES = {"integer": int, "real": float}


class _Shared(dict[str, str]):
    """One copy of each text. When there are too many different ones, all are forgotten."""

    def __missing__(self, text: str) -> str:
        if len(self) >= _SHARED_TEXTS_MAX:
            self.clear()
        self[text] = text
        return text


@dataclass(frozen=True, slots=True)
class Compiled:
    """The code of one aggregate.

    ``row`` is a struct with the stored columns in their order. ``count(rows, name, appended)`` adds appended events to
    rows by key, which begins with the day if rows are bounded by day; ``name`` returns what the values of the bounded
    columns are counted as. ``merge(row, other)`` adds another row of the same key. ``values(rows, numbers)`` returns
    the values that are stored of some rows, one after the other; ``numbers`` are those of the labels of compact rows,
    and it raises ``KeyError`` if one is missing.
    """

    row: type[msgspec.Struct]
    count: Callable[[dict[Any, Any], Callable[..., tuple[str, ...]] | None, Any], None]
    merge: Callable[[Any, Any], None]
    values: Callable[[Iterable[Any], Mapping[tuple[str, ...], int]], list[Any]]


def compiled(aggregate: Aggregate) -> Compiled:
    """Write and compile the code of an aggregate that is counted from events."""
    fields = [(column.name, _PYTHON_TYPES.get(column.kind, str)) for column in aggregate.columns]
    row = msgspec.defstruct(aggregate.table, fields, array_like=True, gc=False, module=__name__)
    transforms = {f"by_{column.name}": getattr(column, "by", None) for column in aggregate.columns}
    known = {
        "Row": row, "counted_class": aggregate.event, "shared": _Shared(), "seconds": _unix_seconds, **transforms
    }  # fmt: skip
    functions: dict[str, Any] = {}
    exec(source(aggregate), known, functions)
    return Compiled(row, functions["count"], functions["merge"], functions["values"])


def source(aggregate: Aggregate) -> str:
    """Return the code of an aggregate."""
    keys = [*(["day"] if aggregate.bounded_by_day else []), *(f"new_{key}" for key in aggregate.keys)]
    count = _COUNT.format(
        measures=_lines(2, _measures(aggregate)),
        key=keys[0] if len(keys) == 1 else f"({', '.join(keys)})",
        shared=_lines(3, _shared(aggregate)),
        first=", ".join(map(_first, aggregate.columns)),
        more=_lines(2, _more(aggregate)),
    )
    values = _VALUES.format(stored=", ".join(_stored(aggregate)))
    return count + values + _MERGE.format(merged=_lines(1, _merged(aggregate)))


def _lines(depth: int, lines: Iterable[str]) -> str:
    return ("\n" + "    " * depth).join(lines)


def _shared(aggregate: Aggregate) -> Iterator[str]:
    few = [column.name for column in aggregate.labelled.values() if column.few]
    return (f"new_{name} = shared[new_{name}]" for name in few)


def _measures(aggregate: Aggregate) -> Iterator[str]:
    bounded = [f"new_{name}" for name in aggregate.bounded]
    for column in aggregate.columns:
        if isinstance(column, Labelled):
            yield f"new_{column.name} = {_label(column)}"
        elif isinstance(column, Sum) and column.of:
            yield f"new_{column.name} = {_measure(column)}"
            yield from _cut(column)
        elif isinstance(column, Extreme):
            yield f"new_{column.name} = by_{column.name}(event.{column.of})"
    if bounded:
        yield f"{', '.join(bounded)}, = name({', '.join(bounded)})"


def _label(column: Labelled) -> str:
    value = f"({column.expression or f'event.{column.field}'})"
    return f"by_{column.name}({value})" if column.by else f"{value} or {NO_LABEL!r}"


def _measure(column: Sum) -> str:
    if column.by:
        return f"by_{column.name}(event.{column.of})"
    # The plus makes a number of a boolean.
    return f"round(event.{column.of} * {column.unit})" if column.unit != 1 else f"+event.{column.of}"


def _cut(column: Sum) -> Iterator[str]:
    for sign, limit in (("<", column.least), (">", column.most)):
        if limit is not None:
            yield f"if new_{column.name} {sign} {limit}: new_{column.name} = {limit}"


def _first(column: StoredColumn) -> str:
    """Return the value of a column in a row that counts one event."""
    match column:
        case Key() | Extreme():
            return f"new_{column.name}"
        case Sum():
            return f"new_{column.name}" if column.of else "1"
        case Earliest() | Newest():
            return "received_at"
    raise TypeError(f"{column.name}: not counted from events")


def _more(aggregate: Aggregate) -> Iterator[str]:
    for column in aggregate.columns:
        match column:
            case Sum():
                yield f"row.{column.name} += {_first(column)}"
            case Earliest() | Least():
                yield f"if {_first(column)} < row.{column.name}: row.{column.name} = {_first(column)}"
            case Newest() | Greatest():
                yield f"if {_first(column)} > row.{column.name}: row.{column.name} = {_first(column)}"


def _merged(aggregate: Aggregate) -> Iterator[str]:
    for column in aggregate.columns:
        name = column.name
        match column:
            case Sum():
                yield f"row.{name} += other.{name}"
            case Earliest() | Least():
                yield f"if other.{name} < row.{name}: row.{name} = other.{name}"
            case Newest() | Greatest():
                yield f"if other.{name} > row.{name}: row.{name} = other.{name}"


def _stored(aggregate: Aggregate) -> Iterator[str]:
    """Return the value of each column that the table stores."""
    compact = aggregate.compact
    for column in aggregate.stored.columns:
        if compact and column.name == LABELS:
            yield f"numbers[{', '.join(f'row.{name}' for name in compact.labelled_by)}]"
        elif compact and aggregate.kinds[column.name] == "moment":
            yield f"seconds(row.{column.name})"
        else:
            yield f"row.{column.name}"


# Rows that are stored together have few different moments.
@lru_cache(maxsize=4_096)
def _unix_seconds(moment: str) -> int:
    """Return a moment as a compact row has it; what another program wrote in its place may be no moment."""
    for text in (moment, day_of(moment)):
        with suppress(ValueError):
            return int(column_seconds(text))
    return 0
