"""What counting and merging mean follows from the declaration of each aggregate."""

import copy
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict

from telemetry.catalogue.events import PatternSignature
from telemetry.counting import compiling
from telemetry.counting.aggregates import AGGREGATES, COUNTED
from telemetry.counting.columns import Earliest, Greatest, Key, Labelled, Least, Newest, StoredColumn, Sum
from telemetry.counting.counters import Appended, Counters
from telemetry.counting.day_labels import DayLabels
from telemetry.counting.declaring import Aggregate
from telemetry.counting.deltas import CODE
from tests.support.placed import Placed, placed_events, rows_of

_SIGNATURES = msgspec.json.Decoder(PatternSignature)
_SIGNATURE = (
    '{"type":"pattern_signature","timestamp":"2026-11-22T10:00:00.000Z","installationId":"unknown","driftVersion":"1",'
    '"category":"api","confidence":1,"locationCount":1,"outlierCount":0,"detectionMethod":"ast","signatureHash":"%08x",'
    '"language":"%s"}'
)

counted = pytest.mark.parametrize("aggregate", COUNTED, ids=lambda aggregate: aggregate.table)


def label(column: Labelled, event: Any) -> str:
    value = eval(column.expression, {"event": event}) if column.expression else getattr(event, column.field)
    return column.by(value) if column.by else value or "none"


def measure(column: Sum, event: Any) -> int:
    if column.by:
        return column.by(getattr(event, column.of))
    value = round(getattr(event, column.of) * column.unit) if column.of else 1
    value = value if column.least is None else max(column.least, value)
    return value if column.most is None else min(column.most, value)


def value(column: StoredColumn, events: list[Placed]) -> Any:
    """Return what a column says of the events of one row, by the description of its kind."""
    moments = [one.received_at for one in events]
    match column:
        case Labelled():
            return label(column, events[0].event)
        case Sum():
            return sum(measure(column, one.event) for one in events)
        case Earliest():
            return min(moments)
        case Newest():
            return max(moments)
        case Least():
            return min(column.by(getattr(one.event, column.of)) for one in events)
        case Greatest():
            return max(column.by(getattr(one.event, column.of)) for one in events)
    raise AssertionError(column)


def expected(aggregate: Aggregate, events: list[Placed]) -> list[dict[str, Any]]:
    keys = [column for column in aggregate.columns if isinstance(column, Key)]
    together: dict[tuple[str, ...], list[Placed]] = {}
    for one in events:
        day = (one.day,) if aggregate.bounded_by_day else ()
        together.setdefault((*day, *(label(key, one.event) for key in keys)), []).append(one)
    return [{column.name: value(column, same) for column in aggregate.columns} for same in together.values()]


@counted
@given(data=st.data())
def test_each_column_is_what_its_kind_says(aggregate: Aggregate, data: st.DataObject) -> None:
    events = data.draw(placed_events(aggregate))

    assert [asdict(row) for row in rows_of(aggregate, events).values()] == expected(aggregate, events)


@counted
@given(data=st.data(), seed=st.integers(0, 1_000))
def test_rows_merge_in_any_order(aggregate: Aggregate, data: st.DataObject, seed: int) -> None:
    events = data.draw(placed_events(aggregate))
    singles = [rows_of(aggregate, [one]) for one in events]
    random.Random(seed).shuffle(singles)

    merged: dict[Any, Any] = {}
    for single in copy.deepcopy(singles):
        for key, row in single.items():
            if (same := merged.setdefault(key, row)) is not row:
                CODE[aggregate.table].merge(same, row)

    assert merged == rows_of(aggregate, events)


def test_rows_share_one_copy_of_few_labels_and_forget_made_up_ones() -> None:
    def count(*languages: str) -> list[str]:
        # Each event has texts of its own, as those of a client have.
        events = [_SIGNATURES.decode(_SIGNATURE % (number, one)) for number, one in enumerate(languages)]
        ids = range(1, len(events) + 1)
        counters = Counters(DayLabels(labels_max=10))
        counters.add(Appended("2026-11-22", "2026-11-22 10:00:00", ids, events))
        return [row.language for row in counters.drain().rows["signature_counts"].values()]

    first, second = count("ts", "ts")
    assert first is second
    (before,) = count("ts")
    assert before is first

    count(*(f"made-up-{number}" for number in range(compiling._SHARED_TEXTS_MAX)))
    (after,) = count("ts")
    assert after == before
    assert after is not before


@pytest.mark.parametrize("aggregate", AGGREGATES, ids=lambda aggregate: aggregate.table)
def test_a_declaration_is_consistent(aggregate: Aggregate) -> None:
    names = [column.name for column in aggregate.columns]

    assert len(names) == len(set(names))
    # Rows are sorted as they are written: neighbours share pages only if the key comes first.
    assert tuple(names[: len(aggregate.keys)]) == aggregate.keys
    assert {*aggregate.exported, aggregate.dated_by} <= set(aggregate.kinds)
    assert aggregate.exported[: len(aggregate.keys)] == aggregate.keys
    assert set(aggregate.bounded) <= set(aggregate.keys)
    assert {average.of for average in aggregate.averages} <= set(aggregate.names(Sum))
