"""Comparison of two data sets: which rows were added or vanished, and why."""

from collections.abc import Iterable

import msgspec

from telemetry.dataset.drift import Drift, drift
from telemetry.dataset.folder import StoredDataset
from telemetry.dataset.manifest import DatasetManifest, ManifestWindow
from telemetry.dataset.rows import DatasetRow

# Hiding a label of these kinds removes rows.
_ROW_LABELS = {"category", "signature"}
_UNEXPLAINED = "not explained by the windows of both: they may be of different services"


class RowChange(msgspec.Struct, frozen=True):
    """A row that only one of two data sets has, and why the other lacks it."""

    category: str
    label: str
    why: str


class Comparison(msgspec.Struct, frozen=True):
    """How the second data set differs from the first. ``changed`` counts rows in both whose numbers differ."""

    added: list[RowChange]
    vanished: list[RowChange]
    same: int
    changed: int
    drift: list[Drift]


def compare_datasets(first: StoredDataset, second: StoredDataset) -> Comparison:
    """Return the difference of two data sets, rows by category and label."""
    before, after = _by_key(first.rows), _by_key(second.rows)
    both = before.keys() & after.keys()
    same = sum(before[key] == after[key] for key in both)
    added = [
        RowChange(*key, _why(after[key], second.manifest, first.manifest, "shown again, it was hidden before"))
        for key in sorted(after.keys() - before.keys())
    ]
    vanished = [
        RowChange(*key, _why(before[key], first.manifest, second.manifest, "hidden by the operator since"))
        for key in sorted(before.keys() - after.keys())
    ]
    return Comparison(added, vanished, same, len(both) - same, drift(first.rows, second.rows))


def _by_key(rows: Iterable[DatasetRow]) -> dict[tuple[str, str], DatasetRow]:
    return {row.key: row for row in rows}


def _why(row: DatasetRow, has: DatasetManifest, lacks: DatasetManifest, hidden: str) -> str:
    """Return why one data set lacks a row of the other: the reason ``hidden``, or one that the windows tell."""
    first, last = row.first_window.isoformat(), row.last_window.isoformat()
    own = [window for window in has.windows if first <= window.start <= last]
    others = {window.start: window for window in lacks.windows}
    common = [window for window in own if window.start in others]
    if not common:
        return f"its windows, {first} to {own[-1].last_day}, are not in the other"
    again = [window.start for window in common if _generation(window, others) != window.generation]
    if again:
        return f"made again after an installation was excluded: {', '.join(again)}"
    threshold = others[common[0].start].threshold
    if threshold != common[0].threshold:
        return f"the threshold is {threshold} installations in one and {common[0].threshold} in the other"
    if _ROW_LABELS & lacks.left_out.keys():
        return hidden
    missing = [window.start for window in own if window.start not in others]
    return f"the other lacks windows: {', '.join(missing)}" if missing else _UNEXPLAINED


def _generation(window: ManifestWindow, others: dict[str, ManifestWindow]) -> int:
    return others[window.start].generation
