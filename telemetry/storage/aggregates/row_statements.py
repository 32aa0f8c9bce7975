"""Statements about the rows of one aggregate: templates in ``sql/``, filled in from its declaration."""

from collections.abc import Callable
from functools import cache

from telemetry.counting.columns import Earliest, Extreme, Greatest, Key, Least, Newest, StoredColumn, Sum
from telemetry.counting.declaring import Aggregate, Compact
from telemetry.storage.aggregates.statement_parts import DAY_LENGTH, day, listed, of, text
from telemetry.storage.sqlite.queries import query


@cache
def row_statement(name: str, aggregate: Aggregate) -> str:
    """Return ``sql/<name>.sql`` for the rows of an aggregate."""
    return query(name).format_map(_parts(aggregate))


@cache
def row_query(aggregate: Aggregate, database: str) -> str:
    """Return the query for what is compared of the row with a key."""
    key = " AND ".join(f"{name} = ?" for name in aggregate.keys)
    columns = listed(aggregate.compared)
    return f"SELECT {columns} FROM {database}.{aggregate.table} WHERE {key} AND {_is_row(aggregate)}"


@cache
def names_statement(aggregate: Aggregate) -> str:
    """Return the query for the names that have rows of their own in a bounded aggregate."""
    return f"SELECT DISTINCT {listed(aggregate.bounded)} FROM {aggregate.table}"


def _parts(aggregate: Aggregate) -> dict[str, str]:
    table, keys = aggregate.table, aggregate.keys
    columns = [column.name for column in aggregate.columns]
    added = _set(aggregate, _added)
    return {
        "table": table,
        "count": aggregate.count,
        "keys": listed(keys),
        "columns": listed(columns),
        "values": listed(column for column in columns if column not in keys),
        "marks": listed("?" for _ in columns),
        "marks_of_keys": listed("?" for _ in keys),
        "is_sent": " AND ".join(f"{table}.{key} = sent.column{number}" for number, key in enumerate(keys, 1)),
        "folded_columns": listed(_into_overflow(aggregate, column) for column in aggregate.columns),
        "folded_group": listed(key for key in keys if key not in aggregate.overflow_key) or "true",
        "is_overflow": " AND ".join(f"{name} = {text(value)}" for name, value in aggregate.overflow_key.items()),
        "last_day": day(aggregate, aggregate.dated_by),
        "is_senders": " AND ".join(f"{table}.{key} = senders.{key}" for key in keys),
        "adopted": _set(aggregate, lambda _, column: "" if isinstance(column, Key) else f"others.{column.name}"),
        "key_marks": listed(f"?{number}" for number, _ in enumerate(keys, 4)),
        "checked": listed(keys + aggregate.compared),
        "is_row": _is_row(aggregate),
        "exported": listed(aggregate.exported),
        "dated_by": day(aggregate, aggregate.dated_by),
        "first_day": day(aggregate, first[0]) if (first := aggregate.names(Earliest)) else "''",
        "past_first_day": day(aggregate, first[0], "past.") if first else "''",
        "table_keys": of(table, keys),
        "counted_keys": of("counted", keys),
        "others_keys": of("others", keys),
        "past_keys": of("past", keys),
        "table_compared": of(table, aggregate.compared),
        "others_compared": of("others", aggregate.compared),
        # A view adds what is inserted by itself, and takes no such clause.
        "or_added": f"ON CONFLICT ({listed(keys)}) DO UPDATE SET {added}" if aggregate.compact is None else "",
        "removed_added": _set(aggregate.removed, _added),
        "subtracted": _set(aggregate, _subtracted),
        "corrected": _set(aggregate, _corrected),
        "kept": _set(aggregate, _kept),
        "zeroed": listed(f"0 AS {column}" if column in aggregate.sums else column for column in columns),
        **_folding(aggregate),
        **({} if aggregate.compact is None else _compact(aggregate.compact)),
    }


def _compact(compact: Compact) -> dict[str, str]:
    table, names = compact.labels_table, compact.labelled_by
    return {
        "stored_table": compact.table,
        "labels_table": table,
        "labelled_by": listed(names),
        "marks_of_labels": listed("?" for _ in names),
        "is_labelled": " AND ".join(f"{table}.{name} = sent.column{number}" for number, name in enumerate(names, 1)),
    }


def _is_row(aggregate: Aggregate) -> str:
    return f"{aggregate.count} != 0" if aggregate.zero_is_no_row else "true"


def _set(aggregate: Aggregate, value: Callable[[Aggregate, StoredColumn], str]) -> str:
    """Return the assignments of an update; a column without a value stays as it is."""
    assignments = ((column.name, value(aggregate, column)) for column in aggregate.columns)
    return listed(f"{name} = {sql}" for name, sql in assignments if sql)


def _added(aggregate: Aggregate, column: StoredColumn, others: str = "excluded") -> str:
    mine, theirs = f"{aggregate.table}.{column.name}", f"{others}.{column.name}"
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
            first_day = f"substr({aggregate.table}.{first_seen}, 1, {DAY_LENGTH})"
            newest_gone = query("find_newest_gone_day")
            return f"iif({first_day} <= ({newest_gone}), {mine}, {theirs})"
    return theirs


def _kept(aggregate: Aggregate, column: StoredColumn) -> str:
    mine, theirs = f"{aggregate.table}.{column.name}", f"past.{column.name}"
    if isinstance(column, Sum):
        return f"iif(past.{aggregate.count} >= {aggregate.table}.{aggregate.count}, {theirs}, {mine})"
    return _added(aggregate, column, "past")


def _into_overflow(aggregate: Aggregate, column: StoredColumn) -> str:
    """Return the expression for a column of the row that rows are folded into."""
    match column:
        case Key():
            return text(folded) if (folded := aggregate.overflow_key.get(column.name)) else column.name
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
    name = dict(zip(bounded, map(text, aggregate.overflow), strict=True))
    surplus = (
        f"recounted.{one} - own.{one} AS {one}" if one in aggregate.names(Sum) else f"overflow.{one}"
        for one in (column.name for column in values)
    )
    return {
        "surplus": listed(surplus),
        "surplus_sum": listed(f"{'sum' if isinstance(one, Sum) else 'max'}({one.name})" for one in values),
        "surplus_negated": listed(f"{'-' if isinstance(one, Sum) else ''}{one.name}" for one in values),
        "overflow_name": listed(name.values()),
        "overflow_columns": listed(name.get(key, key) for key in keys),
        "overflow_group": listed(others) or "true",
        "overflow_keys": of("overflow", keys),
        "recounted_keys": of("recounted", keys),
        "recounted_names": of("recounted", bounded),
        "recounted_overflow": listed(name.get(key, f"recounted.{key}") for key in keys),
        "recounted_overflow_keys": of("recounted_overflow", keys),
        "own_keys": of("own", keys),
        "folded": _set(aggregate, _folded),
    }
