"""Statements about the rows of one aggregate: templates in ``sql/``, filled in from its declaration."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache

from msgspec.structs import fields

from telemetry.catalogue.event import VERSION_NAME
from telemetry.catalogue.installations import PLACEHOLDERS
from telemetry.counting.columns import Earliest, Extreme, Greatest, Key, Labelled, Least, Newest, StoredColumn, Sum
from telemetry.counting.day_labels import NO_LABEL
from telemetry.counting.declaring import Aggregate
from telemetry.storage.sqlite.queries import query

_DAY_LENGTH = 10
# The newest day that retention has removed raw events of; it may have been reached again since.
_NEWEST_GONE = "SELECT max(day) FROM main.segments WHERE watermark > 0 AND (retired_at IS NOT NULL OR retired > 0)"


@cache
def row_statement(name: str, aggregate: Aggregate) -> str:
    """Return ``sql/<name>.sql`` for the rows of an aggregate."""
    return query(name).format_map(_parts(aggregate))


@cache
def row_query(aggregate: Aggregate, database: str) -> str:
    """Return the query for what is compared of the row with a key."""
    key = " AND ".join(f"{name} = ?" for name in aggregate.keys)
    columns = _listed(aggregate.compared)
    return f"SELECT {columns} FROM {database}.{aggregate.table} WHERE {key} AND {_is_row(aggregate)}"


@cache
def names_statement(aggregate: Aggregate) -> str:
    """Return the query for the names that have rows of their own in a bounded aggregate."""
    return f"SELECT DISTINCT {_listed(aggregate.bounded)} FROM {aggregate.table}"


@cache
def senders_statement(aggregate: Aggregate) -> str:
    """Return the statement that lists the senders of each row's events in the segment ``source``."""
    assert aggregate.event is not None
    values = _key_values(aggregate, _told(aggregate))
    return query("list_senders").format(
        key_values=_listed(f"{value} AS {key}" for key, value in zip(aggregate.keys, values, strict=True)),
        key_numbers=_listed(str(number) for number, _ in enumerate(values, 1)),
        event_type=_text(aggregate.event.type),
        placeholders=f"({_listed(map(_text, sorted(PLACEHOLDERS)))})",
    )


@cache
def related_events_statement(aggregates: tuple[Aggregate, ...]) -> str:
    """Return the query for the events that bear on the same rows of the aggregates as those of an installation."""
    return query("read_related_events").format(related=" OR ".join(map(_related, aggregates)))


def _parts(aggregate: Aggregate) -> dict[str, str]:
    table, keys = aggregate.table, aggregate.keys
    columns = [column.name for column in aggregate.columns]
    return {
        "table": table,
        "count": aggregate.count,
        "keys": _listed(keys),
        "columns": _listed(columns),
        "values": _listed(column for column in columns if column not in keys),
        "marks": _listed("?" for _ in columns),
        "marks_of_keys": _listed("?" for _ in keys),
        "is_sent": " AND ".join(f"{table}.{key} = sent.column{number}" for number, key in enumerate(keys, 1)),
        "folded_columns": _listed(_into_overflow(aggregate, column) for column in aggregate.columns),
        "folded_group": _listed(key for key in keys if key not in aggregate.overflow_key) or "true",
        "is_overflow": " AND ".join(f"{name} = {_text(text)}" for name, text in aggregate.overflow_key.items()),
        "last_day": _day(aggregate, aggregate.dated_by),
        "is_told": " AND ".join(f"{table}.{key} = told.{key}" for key in keys),
        "adopted": _set(aggregate, lambda _, column: "" if isinstance(column, Key) else f"excluded.{column.name}"),
        "key_marks": _listed(f"?{number}" for number, _ in enumerate(keys, 4)),
        "checked": _listed(keys + aggregate.compared),
        "is_row": _is_row(aggregate),
        "exported": _listed(aggregate.exported),
        "dated_by": _day(aggregate, aggregate.dated_by),
        "first_day": _day(aggregate, first[0]) if (first := aggregate.names(Earliest)) else "''",
        "table_keys": _of(table, keys),
        "counted_keys": _of("counted", keys),
        "others_keys": _of("others", keys),
        "added": _set(aggregate, _added),
        "removed_added": _set(replace(aggregate, table=f"removed_{table}"), _added),
        "subtracted": _set(aggregate, _subtracted),
        "corrected": _set(aggregate, _corrected),
        "kept": _set(aggregate, _kept),
        "zeroed": _listed(f"0 AS {column}" if column in aggregate.sums else column for column in columns),
        **_folding(aggregate),
    }


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _of(source: str, names: Iterable[str]) -> str:
    return _listed(f"{source}.{name}" for name in names)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _is_row(aggregate: Aggregate) -> str:
    return f"{aggregate.count} != 0" if aggregate.zero_is_no_row else "true"


def _day(aggregate: Aggregate, name: str) -> str:
    return name if aggregate.kinds[name] == "day" else f"substr({name}, 1, {_DAY_LENGTH})"


def _set(aggregate: Aggregate, value: Callable[[Aggregate, StoredColumn], str]) -> str:
    """Return the assignments of an update; a column without a value stays as it is."""
    assignments = ((column.name, value(aggregate, column)) for column in aggregate.columns)
    return _listed(f"{name} = {sql}" for name, sql in assignments if sql)


def _added(aggregate: Aggregate, column: StoredColumn) -> str:
    mine, theirs = f"{aggregate.table}.{column.name}", f"excluded.{column.name}"
    match column:
        case Sum():
            return f"{mine} + {theirs}"
        case Earliest() | Least():
            return f"min({mine}, {theirs})"
        case Newest() | Greatest():
            return f"max({mine}, {theirs})"
    return ""


def _subtracted(aggregate: Aggregate, column: StoredColumn) -> str:
    return f"{aggregate.table}.{column.name} - counted.{column.name}" if isinstance(column, Sum) else ""


def _corrected(aggregate: Aggregate, column: StoredColumn) -> str:
    mine, theirs = f"{aggregate.table}.{column.name}", f"others.{column.name}"
    match column:
        case Key() | Sum():
            return ""
        case Earliest() | Extreme():
            # The stored value may come from raw events that are gone. keep_rows.sql compares the same day.
            (first_seen,) = aggregate.names(Earliest)
            first_day = f"substr({aggregate.table}.{first_seen}, 1, {_DAY_LENGTH})"
            return f"iif({first_day} <= ({_NEWEST_GONE}), {mine}, {theirs})"
    return theirs


def _kept(aggregate: Aggregate, column: StoredColumn) -> str:
    mine, theirs = f"{aggregate.table}.{column.name}", f"excluded.{column.name}"
    if isinstance(column, Sum):
        return f"iif(excluded.{aggregate.count} >= {aggregate.table}.{aggregate.count}, {theirs}, {mine})"
    return _added(aggregate, column)


def _into_overflow(aggregate: Aggregate, column: StoredColumn) -> str:
    """Return the expression for a column of the row that rows are folded into."""
    match column:
        case Key():
            return _text(folded) if (folded := aggregate.overflow_key.get(column.name)) else column.name
        case Sum():
            return f"sum({column.name})"
        case Earliest() | Least():
            return f"min({column.name})"
    return f"max({column.name})"


def _folded(aggregate: Aggregate, column: StoredColumn) -> str:
    """Return how a surplus is moved: it says nothing of the extremes and labels of the row that it is taken from."""
    added = _added(aggregate, column)
    if isinstance(column, Sum) or not added:
        return added
    return f"iif(excluded.{aggregate.count} < 0, {aggregate.table}.{column.name}, {added})"


def _folding(aggregate: Aggregate) -> dict[str, str]:
    """Return what moves a surplus, the columns beside the key, to the row that counts all other names."""
    bounded, keys = aggregate.bounded, aggregate.keys
    others = [key for key in keys if key not in bounded]
    values = [column for column in aggregate.columns if not isinstance(column, Key)]
    name = dict(zip(bounded, map(_text, aggregate.overflow), strict=True))
    surplus = (
        f"recounted.{one} - own.{one} AS {one}" if one in aggregate.names(Sum) else f"overflow.{one}"
        for one in (column.name for column in values)
    )
    return {
        "surplus": _listed(surplus),
        "surplus_sum": _listed(f"{'sum' if isinstance(one, Sum) else 'max'}({one.name})" for one in values),
        "surplus_negated": _listed(f"{'-' if isinstance(one, Sum) else ''}{one.name}" for one in values),
        "overflow_name": _listed(name.values()),
        "overflow_columns": _listed(name.get(key, key) for key in keys),
        "overflow_group": _listed(others) or "true",
        "overflow_keys": _of("overflow", keys),
        "recounted_keys": _of("recounted", keys),
        "recounted_names": _of("recounted", bounded),
        "recounted_overflow": _listed(name.get(key, f"recounted.{key}") for key in keys),
        "recounted_overflow_keys": _of("recounted_overflow", keys),
        "own_keys": _of("own", keys),
        "folded": _set(aggregate, _folded),
    }


def _related(aggregate: Aggregate) -> str:
    """Return the condition that a raw event bears on a row of ``contribution``, as far as its payload tells."""
    assert aggregate.event is not None
    told = _told(aggregate)
    payload, columns = _listed(told.values()), _listed(told)
    related = f"({payload}) IN (SELECT {columns} FROM contribution.{aggregate.table})"
    if aggregate.bounded_by_day:
        related += f" OR ({_folded_on_its_day(aggregate, told)})"
    if aggregate.bounded:
        # Names beyond the bound are counted together.
        name, names = _listed(map(_text, aggregate.overflow)), _listed(aggregate.bounded)
        sent = _listed(told[name] for name in aggregate.bounded)
        counted_together = f"({name}) IN (SELECT {names} FROM contribution.{aggregate.table})"
        related += f" OR ({counted_together} AND ({sent}) NOT IN (SELECT {names} FROM current.{aggregate.table}))"
    return f"(type = {_text(aggregate.event.type)} AND ({related}))"


def _told(aggregate: Aggregate) -> dict[str, str]:
    """Return by column the SQL that reads its label from a raw event; columns that SQL cannot read are left out."""
    assert aggregate.event is not None
    wire_names = {field.name: field.encode_name for field in fields(aggregate.event)}
    found = {key: _read(label, wire_names) for key, label in aggregate.labelled.items()}
    return {key: sql for key, sql in found.items() if sql is not None}


def _read(label: Labelled, wire_names: Mapping[str, str]) -> str | None:
    if label.sql or label.by:
        return label.sql or None
    return _sent(wire_names[label.field]) if label.field in wire_names else None


def _key_values(aggregate: Aggregate, told: Mapping[str, str]) -> list[str]:
    """Return the SQL for the key of the row that counts a raw event."""
    return [told[name] for name in aggregate.keys]


def _folded_on_its_day(aggregate: Aggregate, told: Mapping[str, str]) -> str:
    """Return the condition that a raw event was folded into a row that ``contribution`` has too."""
    table, day = aggregate.table, f"substr(created_at, 1, {_DAY_LENGTH})"
    folded = aggregate.overflow_key
    key = _key_values(aggregate, told)
    return (
        f"({_listed(map(_text, folded.values()))}) IN (SELECT {_listed(folded)} FROM contribution.{table})"
        f" AND {day} IN (SELECT day FROM current.{table}_days WHERE closed)"
        f" AND NOT EXISTS (SELECT 1 FROM current.{table} AS own WHERE ({_of('own', aggregate.keys)}) = ({_listed(key)})"
        f" AND {_day(aggregate, aggregate.names(Earliest)[0])} <= {day})"
    )


def _sent(wire_name: str) -> str:
    """Return the expression for a field as it was sent: versions have a column of their own."""
    if wire_name == VERSION_NAME:
        return "drift_version"
    return f"coalesce(nullif(payload ->> {_text(wire_name)}, ''), {_text(NO_LABEL)})"
