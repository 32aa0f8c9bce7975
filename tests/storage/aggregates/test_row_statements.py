"""What adding, subtracting and correcting do to the tables follows from the declaration of each aggregate."""

import sqlite3
from contextlib import closing
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple

from telemetry.counting.aggregates import AGGREGATES, COUNTED
from telemetry.counting.declaring import Aggregate
from telemetry.counting.deltas import CODE
from telemetry.storage.aggregates.label_numbers import labels_of
from telemetry.storage.aggregates.row_statements import row_statement
from telemetry.storage.sqlite.many_rows import many_rows, rows_at_once
from telemetry.storage.sqlite.queries import scripts
from tests.support.placed import DAYS, Placed, placed_events, rows_of

Rows = list[tuple[Any, ...]]

counted = pytest.mark.parametrize("aggregate", COUNTED, ids=lambda aggregate: aggregate.table)


@cache
def empty() -> bytes:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript("\n".join(scripts("aggregates")))
        connection.executemany("INSERT INTO segments (day) VALUES (?)", [(day,) for day in DAYS])
        connection.commit()
        return connection.serialize()


def holding(aggregate: Aggregate, *flushes: list[Placed]) -> sqlite3.Connection:
    """Return a database to which events were added in some flushes."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.deserialize(empty())
    for events in flushes:
        if rows := list(rows_of(aggregate, events).values()):
            added = rows_at_once(row_statement("add_rows", aggregate.stored), len(rows))
            values = CODE[aggregate.table].values(rows, numbers_of(connection, aggregate, rows))
            connection.execute(added.sql, added.parameters(values, len(rows)))
    return connection


def numbers_of(connection: sqlite3.Connection, aggregate: Aggregate, rows: list[Any]) -> dict[tuple[str, ...], int]:
    if not (labels := labels_of(aggregate, [rows])):
        return {}
    number, find = (
        many_rows(row_statement(name, aggregate), labels, len(labels)) for name in ("number_labels", "find_labels")
    )
    connection.execute(*number)
    return {tuple(names): number for *names, number in connection.execute(*find)}


def stored(connection: sqlite3.Connection, aggregate: Aggregate) -> Rows:
    names = ", ".join(column.name for column in aggregate.columns)
    return sorted(connection.execute(f"SELECT {names} FROM {aggregate.table}").fetchall())


def rows_after(aggregate: Aggregate, *flushes: list[Placed]) -> Rows:
    with closing(holding(aggregate, *flushes)) as connection:
        return stored(connection, aggregate)


@counted
@given(data=st.data(), at=st.integers(0, 8))
def test_flushes_add_up_to_one_flush_in_any_order(aggregate: Aggregate, data: st.DataObject, at: int) -> None:
    events = data.draw(placed_events(aggregate))
    together = rows_after(aggregate, events)

    assert rows_after(aggregate, events[:at], events[at:]) == together
    assert rows_after(aggregate, events[at:], events[:at]) == together


@counted
@given(data=st.data(), at=st.integers(0, 8))
def test_a_table_or_view_adds_what_is_inserted_as_a_flush_does(
    aggregate: Aggregate, data: st.DataObject, at: int
) -> None:
    events = data.draw(placed_events(aggregate))
    with closing(holding(aggregate, events[:at])) as connection:
        if rows := list(map(astuple, rows_of(aggregate, events[at:]).values())):
            connection.execute(*many_rows(row_statement("add_rows", aggregate), rows, len(rows)))

        assert stored(connection, aggregate) == rows_after(aggregate, events)


@counted
@given(data=st.data())
def test_what_is_excluded_leaves_what_the_others_have_added(aggregate: Aggregate, data: st.DataObject) -> None:
    events = data.draw(placed_events(aggregate))
    others = [placed for placed in events if not placed.is_erased]
    with (
        closing(holding(aggregate, events)) as main,
        closing(holding(aggregate, [placed for placed in events if placed.is_erased])) as contribution,
        closing(holding(aggregate, others)) as remaining,
    ):
        for name, database in (("contribution", contribution), ("remaining", remaining)):
            main.execute(f"ATTACH ':memory:' AS {name}")
            main.deserialize(database.serialize(), name=name)
        main.execute("CREATE TABLE remaining.lost_days (day TEXT)")
        for name in ("subtract_rows", "delete_empty_rows", "correct_rows"):
            main.execute(row_statement(name, aggregate))

        assert stored(main, aggregate) == stored(remaining, aggregate)


@pytest.mark.parametrize("aggregate", [one for one in COUNTED if one.averages], ids=lambda aggregate: aggregate.table)
@given(data=st.data())
def test_averages_are_sums_over_the_number_of_events(aggregate: Aggregate, data: st.DataObject) -> None:
    with closing(holding(aggregate, data.draw(placed_events(aggregate)))) as connection:
        for average in aggregate.averages:
            found = connection.execute(
                f"SELECT {average.name}, {average.of}, {aggregate.count} FROM {aggregate.table}"
            ).fetchall()
            for computed, total, count in found:
                assert computed == pytest.approx(total / average.unit / count)


@pytest.mark.parametrize("aggregate", AGGREGATES, ids=lambda aggregate: aggregate.table)
def test_a_declaration_names_the_columns_that_the_migrations_make(aggregate: Aggregate) -> None:
    computed = [column.name for column in (*aggregate.averages, *aggregate.computed)]
    # The sender of a row's events is stored beside their sums, and not exported.
    beside = ["sent_by"] if aggregate.bounded_by_day else []
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(empty())
        shown = [name for _, name, *_ in connection.execute(f"PRAGMA table_xinfo({aggregate.table})")]
        stored = connection.execute(f"PRAGMA table_info({aggregate.stored.table})").fetchall()

    assert sorted(shown) == sorted([*(column.name for column in aggregate.columns), *computed, *beside])
    assert {name for _, name, *_ in stored} == {*(column.name for column in aggregate.stored.columns), *beside}
    keys = sorted((place, name) for _, name, *_, place in stored if place)
    assert tuple(name for _, name in keys) == aggregate.stored.keys
