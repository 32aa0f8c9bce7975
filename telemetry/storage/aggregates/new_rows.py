"""Admission of new rows to an aggregate that bounds how many may be new on one day.

All other new keys of a day are folded into one row, and the day is closed: it and all days before it admit no more new
rows. So all events of a key on a day are folded, or none. They were folded if the day is closed and the key has no row
of its own, or one that was first seen later.
"""

import logging
from collections.abc import Collection, Iterator, Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any, Protocol

import aiosqlite
from msgspec.structs import astuple, replace

from telemetry.counting.declaring import Aggregate
from telemetry.counting.deltas import CODE
from telemetry.storage.aggregates.adding import chunks
from telemetry.storage.aggregates.ordering import SORTED_AT_ONCE, in_order
from telemetry.storage.aggregates.row_statements import row_statement
from telemetry.storage.sqlite.many_rows import many_rows
from telemetry.storage.sqlite.reading import read_only

logger = logging.getLogger(__name__)

RowKey = tuple[Any, ...]

_KEYS_PER_STATEMENT = 2_048
# Later than any day.
_NO_DAY = "9999"


class Admission(Protocol):
    """Decides which keys of a day are counted under their own names."""

    async def admitted(
        self, connection: aiosqlite.Connection, aggregate: Aggregate, day: str, keys: Collection[RowKey]
    ) -> Collection[RowKey] | None:
        """Return the keys of the admitted rows, or None if all are admitted.

        ``keys`` are those of the day as they were counted, which begin with it. Called inside the transaction that adds
        the rows.
        """


class Unbounded:
    """Admits everything."""

    async def admitted(self, *_: object) -> None:
        """Return None: all keys are admitted."""


class NewRows:
    """Admits up to ``rows_max`` new rows a day, and records the days on which there were more."""

    def __init__(self, rows_max: int) -> None:
        self._rows_max = rows_max

    async def admitted(
        self, connection: aiosqlite.Connection, aggregate: Aggregate, day: str, keys: Collection[RowKey]
    ) -> Collection[RowKey] | None:
        """Return the admitted keys, or None if all are."""
        ((new, closed),) = await connection.execute_fetchall(row_statement("read_new_rows", aggregate), (day,))
        room = 0 if closed else max(0, self._rows_max - new)
        if len(keys) <= room:
            # Looking up the known keys would cost each flush half as much as adding the rows.
            return None
        last_day = day if closed else _NO_DAY
        unknown: list[RowKey] = []
        row_keys = [key[1:] for key in keys]
        for some, statement in _lookups(aggregate, last_day, row_keys):
            known = set(map(tuple, await connection.execute_fetchall(*statement)))
            unknown += [key for key in some if key not in known]
        if len(unknown) <= room:
            return None
        await connection.execute(row_statement("close_day", aggregate), (day,))
        if not closed:
            logger.warning(
                "more new signatures than daily_signatures_max: all further ones of the day are counted as other",
                extra={"day": day, "daily_signatures_max": self._rows_max},
            )
        return set(row_keys).difference(unknown[room:])


class AsCounted:
    """Admits the keys that another database of aggregates admitted, so that a recount comes to the same rows."""

    def __init__(self, aggregates: Path) -> None:
        self._aggregates = aggregates

    async def admitted(
        self, _connection: aiosqlite.Connection, aggregate: Aggregate, day: str, keys: Collection[RowKey]
    ) -> Collection[RowKey] | None:
        """Return the admitted keys, or None if all are; waits for nothing but the disk."""
        with read_only(self._aggregates) as current:
            if not current.execute(f"SELECT 1 FROM {aggregate.table}_days WHERE day = ? AND closed", (day,)).fetchone():
                return None
            lookups = _lookups(aggregate, day, [key[1:] for key in keys])
            return {key for _, statement in lookups for key in current.execute(*statement)}


async def counted_rows(
    connection: aiosqlite.Connection, aggregate: Aggregate, counted: Mapping[Any, Any], admission: Admission
) -> Mapping[Any, Any]:
    """Return the rows to add by key, with all keys of a day that are not admitted in one row.

    ``counted`` holds rows by key, which begins with the day if new rows are bounded by day. It is not changed.
    """
    if not aggregate.bounded_by_day:
        return counted
    by_day = _by_day(counted)
    own = {day: await admission.admitted(connection, aggregate, day, by_day[day]) for day in sorted(by_day)}
    if all(admitted is None for admitted in own.values()):
        return counted
    rows: dict[RowKey, Any] = {}
    for day, admitted in own.items():
        of_day = {key: counted[key] for key in by_day[day]}
        rows.update(of_day if admitted is None else _folded(aggregate, of_day, admitted))
    return rows


def _by_day(counted: Mapping[RowKey, Any]) -> Mapping[str, Collection[RowKey]]:
    days = set(map(itemgetter(0), counted))
    if len(days) == 1:
        # Nearly every flush is of one day, and may have some hundred thousand keys.
        return dict.fromkeys(days, counted.keys())
    by_day: dict[str, list[RowKey]] = {day: [] for day in days}
    for key in counted:
        by_day[key[0]].append(key)
    return by_day


def _folded(aggregate: Aggregate, of_day: Mapping[RowKey, Any], admitted: Collection[RowKey]) -> dict[RowKey, Any]:
    rows = {key: row for key, row in of_day.items() if key[1:] in admitted}
    for key, row in of_day.items():
        if key[1:] not in admitted:
            other = replace(row, **aggregate.overflow_key)
            others_key = (key[0], *astuple(other)[: len(key) - 1])
            if (same := rows.get(others_key)) is not None:
                CODE[aggregate.table].merge(other, same)
            rows[others_key] = other
    return rows


def _lookups(
    aggregate: Aggregate, last_day: str, keys: Collection[RowKey]
) -> Iterator[tuple[list[RowKey], tuple[str, list[Any]]]]:
    """Return all keys in their order, some at a time, with the statement that finds those of them that have a row.

    Only rows count that were first seen by ``last_day``.
    """
    found = row_statement("find_known_rows", aggregate)
    for part in in_order(keys, SORTED_AT_ONCE):
        for some in chunks(part, _KEYS_PER_STATEMENT):
            yield some, many_rows(found, some, len(some), last_day)
