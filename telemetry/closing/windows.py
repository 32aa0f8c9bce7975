"""Closing of one window: from the events of its segments to public rows."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple, Protocol

from telemetry.catalogue.installations import is_placeholder
from telemetry.closing.totals import Totals
from telemetry.published.closings import Closing
from telemetry.published.contributions import Policy, StoredRow, WindowContributions
from telemetry.published.folding import Leaf, fold
from telemetry.published.histograms import Amount, fold_labels, fold_ordered
from telemetry.published.judgement import JUDGED, without_few
from telemetry.published.labels import PublicLabels
from telemetry.published.scales import ONE_IN_MILLIONTHS
from telemetry.published.series import Series, series_of

Insert = Callable[[str, tuple[Any, ...]], None]
"""Takes a row for a table."""
MergedEvents = Callable[[frozenset[str]], AbstractContextManager[Iterator[tuple[bytes, Iterator[StoredRow]]]]]
"""Gives the installations of a window in their order, with their events; it is told which types' payloads are read."""
WindowLedger = dict[str, dict[str, int]]
_DECIMALS = 3


class KnownFirstDays(Protocol):
    """The first day of each installation; ask for installations in the order of their ids."""

    def of(self, installation: bytes) -> str | None:
        """Return the first day on which an installation was seen, or None if it is not known."""


class Known(NamedTuple):
    """What a closing goes by besides the segments."""

    first_days: KnownFirstDays
    labels: PublicLabels
    policy: Policy


def close_window(
    closing: Closing,
    merged: MergedEvents,
    known: Known,
    connection: sqlite3.Connection,
    insert: Insert,
) -> WindowLedger:
    """Insert the public rows of a window, and return its ledger; ``connection`` is to a database for the totals."""
    contributions = WindowContributions(closing.window, sorted(closing.segments), known.labels, known.policy)
    series = series_of(closing.period)
    totals = Totals(connection, series, known.policy.threshold)
    with merged(contributions.payloads) as installations:
        number = 0
        for installation, events in installations:
            if is_placeholder(installation.decode(errors="replace")):
                continue
            for one in contributions.of(number, known.first_days.of(installation), events):
                totals.add(*one)
            number += 1
        for one in contributions.rest():
            totals.add(*one)
    totals.finish()
    ledger: WindowLedger = {}
    for each in series:
        publish = _Publishing(each, totals, known.policy.threshold, closing.start, insert)
        aside = {str(why): count for (name, why), count in contributions.aside.items() if name == each.name and count}
        ledger[each.name] = publish.insert_rows() | dict(sorted(aside.items()))
    return ledger


class _Publishing:
    """Folds one series of a window and inserts its rows."""

    def __init__(self, series: Series, totals: Totals, k: int, start: str, insert: Insert) -> None:
        self._series = series
        self._totals = totals
        self._k = k
        self._start = start
        self._insert = insert

    def insert_rows(self) -> dict[str, int]:
        """Insert what is public, and return how many observations are named, in ``other`` and withheld."""
        series, root = self._series, self._totals.root(self._series)
        children = partial(self._totals.children, series)
        count = Counter({"named": 0, "other": 0})
        for leaf in fold(
            root, children, len(series.levels), self._k, exclusive=series.exclusive, by_cohort=series.by_cohort
        ):
            count["other" if leaf.merged else "named"] += leaf.observations
            self._insert_leaf(leaf)
        return dict(count) | {"withheld": root.observations - count.total()}

    def _insert_leaf(self, leaf: Leaf) -> None:
        series = self._series
        # One value of each installation cannot be told from sums by key, where an installation has several of the keys.
        has_amounts = series.additive or leaf.merged is None
        amounts = self._totals.amounts(series, leaf) if series.amounts and has_amounts else []
        sums = {amount.label: amount.value for amount in amounts}
        if JUDGED in series.amounts:
            sums = without_few(sums, leaf.installations, self._k)
        values = [self._public(sums.get(name, 0)) if has_amounts else None for name in series.amounts]
        self._insert(series.name, (self._start, *leaf.path, leaf.installations, *values))
        for kind, found in groupby((one for one in amounts if "=" in one.label), lambda one: _kind(one.label)):
            for one in self._folded([one._replace(label=one.label.partition("=")[2]) for one in found]):
                self._insert_detail(leaf, kind, one)

    def _folded(self, amounts: list[Amount]) -> list[Amount]:
        assert self._series.details is not None
        return fold_ordered(amounts, self._k) if self._series.details.ordered else fold_labels(amounts, self._k)

    def _insert_detail(self, leaf: Leaf, kind: str, amount: Amount) -> None:
        assert self._series.details is not None
        label = (int(amount.label),) if self._series.details.ordered else (kind, amount.label)
        self._insert(self._series.details.table, (self._start, *leaf.path, *label, self._public(amount.value)))

    def _public(self, value: int) -> float:
        return value if self._series.additive else round(value / ONE_IN_MILLIONTHS, _DECIMALS)


def _kind(label: str) -> str:
    return label.partition("=")[0]
