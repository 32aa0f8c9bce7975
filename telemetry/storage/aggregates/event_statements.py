"""Statements about raw events: which rows of the aggregates count them, and who sent them."""

from collections.abc import Mapping
from functools import cache

from msgspec.structs import fields

from telemetry.catalogue.event import VERSION_NAME
from telemetry.catalogue.installations import PLACEHOLDERS
from telemetry.counting.columns import Earliest, Labelled
from telemetry.counting.day_labels import NO_LABEL
from telemetry.counting.declaring import Aggregate
from telemetry.storage.aggregates.statement_parts import DAY_LENGTH, day, listed, of, text
from telemetry.storage.sqlite.queries import query


@cache
def senders_statement(aggregate: Aggregate) -> str:
    """Return the statement that lists the senders of each row's events in the segment ``source``."""
    assert aggregate.event is not None
    values = _key_values(aggregate, _labels(aggregate))
    return query("list_senders").format(
        key_values=listed(f"{value} AS {key}" for key, value in zip(aggregate.keys, values, strict=True)),
        key_numbers=listed(str(number) for number, _ in enumerate(values, 1)),
        event_type=text(aggregate.event.type),
        placeholders=f"({listed(map(text, sorted(PLACEHOLDERS)))})",
    )


@cache
def related_events_statement(aggregates: tuple[Aggregate, ...]) -> str:
    """Return the query for the events that bear on the same rows of the aggregates as those of an installation."""
    return query("read_related_events").format(related=" OR ".join(map(_related, aggregates)))


def _related(aggregate: Aggregate) -> str:
    """Return the condition that a raw event bears on a row of ``contribution``, as far as its payload tells."""
    assert aggregate.event is not None
    labels = _labels(aggregate)
    payload, columns = listed(labels.values()), listed(labels)
    related = f"({payload}) IN (SELECT {columns} FROM contribution.{aggregate.table})"
    if aggregate.bounded_by_day:
        related += f" OR ({_folded_on_its_day(aggregate, labels)})"
    if aggregate.bounded:
        # Names beyond the bound are counted together.
        name, names = listed(map(text, aggregate.overflow)), listed(aggregate.bounded)
        sent = listed(labels[name] for name in aggregate.bounded)
        counted_together = f"({name}) IN (SELECT {names} FROM contribution.{aggregate.table})"
        related += f" OR ({counted_together} AND ({sent}) NOT IN (SELECT {names} FROM current.{aggregate.table}))"
    return f"(type = {text(aggregate.event.type)} AND ({related}))"


def _labels(aggregate: Aggregate) -> dict[str, str]:
    """Return by column the SQL that reads its label from a raw event; columns that SQL cannot read are left out."""
    assert aggregate.event is not None
    wire_names = {field.name: field.encode_name for field in fields(aggregate.event)}
    found = {key: _read(label, wire_names) for key, label in aggregate.labelled.items()}
    return {key: sql for key, sql in found.items() if sql is not None}


def _read(label: Labelled, wire_names: Mapping[str, str]) -> str | None:
    if label.sql or label.by:
        return label.sql or None
    return _sent(wire_names[label.field]) if label.field in wire_names else None


def _key_values(aggregate: Aggregate, labels: Mapping[str, str]) -> list[str]:
    """Return the SQL for the key of the row that counts a raw event."""
    return [labels[name] for name in aggregate.keys]


def _folded_on_its_day(aggregate: Aggregate, labels: Mapping[str, str]) -> str:
    """Return the condition that a raw event was folded into a row that ``contribution`` has too."""
    table, received_on = aggregate.table, f"substr(created_at, 1, {DAY_LENGTH})"
    folded = aggregate.overflow_key
    key = _key_values(aggregate, labels)
    return (
        f"({listed(map(text, folded.values()))}) IN (SELECT {listed(folded)} FROM contribution.{table})"
        f" AND {received_on} IN (SELECT day FROM current.{table}_days WHERE closed)"
        f" AND NOT EXISTS (SELECT 1 FROM current.{table} AS own WHERE ({of('own', aggregate.keys)}) = ({listed(key)})"
        f" AND {day(aggregate, aggregate.names(Earliest)[0])} <= {received_on})"
    )


def _sent(wire_name: str) -> str:
    """Return the expression for a field as it was sent: versions have a column of their own."""
    if wire_name == VERSION_NAME:
        return "drift_version"
    return f"coalesce(nullif(payload ->> {text(wire_name)}, ''), {text(NO_LABEL)})"
