"""Drift: how far the main distributions of two data sets are apart."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

import msgspec

from telemetry.dataset.averages import rounded
from telemetry.dataset.rows import DatasetRow
from telemetry.published.scales import step_of

_Weights = Iterator[tuple[str, float]]


class LabelDrift(msgspec.Struct, frozen=True):
    """The share of the rows that a label has in the first and in the second data set."""

    label: str
    first: float
    second: float


class Drift(msgspec.Struct, frozen=True):
    """How a distribution over the rows has moved.

    ``distance`` is the total variation: the share of the rows that would have to move, 0 to 1. Labels are in the order
    of how much they moved.
    """

    name: str
    distance: float
    labels: list[LabelDrift]


def drift(first: Iterable[DatasetRow], second: Iterable[DatasetRow]) -> list[Drift]:
    """Return the drift of each main distribution; each row weighs the same."""
    before, after = list(first), list(second)
    return [_drift(name, _shares(before, weights), _shares(after, weights)) for name, weights in _DISTRIBUTIONS.items()]


def _drift(name: str, before: dict[str, float], after: dict[str, float]) -> Drift:
    labels = [
        LabelDrift(label, rounded(before.get(label, 0.0)), rounded(after.get(label, 0.0)))
        for label in sorted(before.keys() | after.keys())
    ]
    labels.sort(key=lambda one: -abs(one.second - one.first))
    moved = sum(abs(after.get(label, 0.0) - before.get(label, 0.0)) for label in sorted(before.keys() | after.keys()))
    return Drift(name, rounded(moved / 2), labels)


def _shares(rows: list[DatasetRow], weights: Callable[[DatasetRow], _Weights]) -> dict[str, float]:
    sums: defaultdict[str, float] = defaultdict(float)
    for row in rows:
        for label, weight in weights(row):
            sums[label] += weight
    total = sum(sums.values())
    return {label: weight / total for label, weight in sums.items()} if total else {}


def _category(row: DatasetRow) -> _Weights:
    yield row.category, 1


def _format(row: DatasetRow) -> _Weights:
    yield row.format, 1


def _language(row: DatasetRow) -> _Weights:
    yield from zip(row.languages, row.language_shares, strict=True)


def _method(row: DatasetRow) -> _Weights:
    yield from zip(row.methods, row.method_shares, strict=True)


def _installations(row: DatasetRow) -> _Weights:
    yield row.installations, 1


def _confidence(row: DatasetRow) -> _Weights:
    yield step_of(row.confidence), 1


def _approved(row: DatasetRow) -> _Weights:
    yield "too few decided" if row.approved is None else step_of(row.approved), 1


_DISTRIBUTIONS: dict[str, Callable[[DatasetRow], _Weights]] = {
    "category": _category,
    "language": _language,
    "method": _method,
    "format": _format,
    "installations": _installations,
    "confidence": _confidence,
    "approved": _approved,
}
