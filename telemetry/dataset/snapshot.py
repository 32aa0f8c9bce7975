"""Snapshot: the rows of a data set, from the windows that had been closed by a day."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any, NamedTuple

from telemetry.dataset.averages import LabelShares, installation_band, rounded
from telemetry.dataset.decisions import CategoryDecisions
from telemetry.dataset.rows import DatasetRow, identity_of
from telemetry.operator_errors import NoDataError
from telemetry.published.labels import LabelKind, PublicLabels
from telemetry.published.reading import ClosedWindow, Detail, Number, PublicNumbers
from telemetry.published.series import OTHER_LABEL
from telemetry.published.windows import Period

_SERIES, _DECISIONS = "signatures", "decisions"
_Key = tuple[str, ...]
_DETAIL_KINDS = (("occurrences", "occurrence_shares"), ("locations", "location_shares"), ("outliers", "outlier_shares"))


class UnnamedShare(NamedTuple):
    """A series, and what share of its voices has no name in public."""

    series: str
    share: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Rows by category and label, and what they are made of.

    ``left_out`` counts, by kind, the labels that were public when their windows were closed and are hidden now.
    """

    rows: list[DatasetRow]
    windows: list[ClosedWindow]
    unnamed: list[UnnamedShare]
    decision_voices: int
    left_out: dict[str, int]

    @property
    def complete_up_to(self) -> str:
        """The last day of the last window."""
        return self.windows[-1].last_day

    @property
    def made_again(self) -> list[ClosedWindow]:
        """Windows that were made again after they had been published."""
        return [window for window in self.windows if window.generation > 1]


def take_snapshot(published: PublicNumbers, labels: PublicLabels, last_day: str | None = None) -> Snapshot:
    """Return the rows of all windows of four weeks, or of those that ended by a day.

    Raises ``NoDataError`` if there is no such window, or no signature in them.
    """
    windows = _windows(published, last_day)
    first, last = windows[0].start, windows[-1].start
    decisions = CategoryDecisions(published.numbers(_DECISIONS, first, last))
    hidden = _Hidden(labels)
    numbers = sorted((one for one in published.numbers(_SERIES, first, last) if _is_named(one)), key=_by_key)
    details = _Details(published.details(_SERIES, first, last))
    rows = [
        _row(key, list(own), details.of(key), decisions, hidden)
        for key, own in groupby(numbers, key=lambda one: one.key)
        if not hidden.hides(key)
    ]
    if not rows:
        raise NoDataError(
            f"no window up to {windows[-1].last_day} has a signature of {windows[-1].threshold} installations: export "
            "again when more installations have reported patterns"
        )
    unnamed = [UnnamedShare(name, _unnamed(published.numbers(name, first, last))) for name in (_SERIES, _DECISIONS)]
    return Snapshot(rows, windows, unnamed, decisions.voices(), hidden.counts())


def _windows(published: PublicNumbers, last_day: str | None) -> list[ClosedWindow]:
    every = published.windows(Period.FOUR_WEEKS)
    windows = [window for window in every if last_day is None or window.last_day <= last_day]
    if windows:
        return windows
    if every:
        raise NoDataError(
            f"no window of four weeks ended by {last_day}, the first one ends on {every[0].last_day}: give a later --to"
        )
    raise NoDataError("no window of four weeks has been published yet: `telemetry published` shows what has")


def _is_named(number: Number) -> bool:
    return OTHER_LABEL not in number.key


def _by_key(number: Number) -> tuple[_Key, str]:
    return number.key, number.start


def _unnamed(numbers: Iterable[Number]) -> float:
    counts = Counter[bool]()
    for number in numbers:
        counts[_is_named(number)] += number.installations
    return rounded(counts[False] / counts.total()) if counts else 0.0


class _Details:
    """The shares of the rows, by key."""

    def __init__(self, details: Iterator[Detail]) -> None:
        self._by_key: dict[_Key, list[Detail]] = {}
        for detail in details:
            self._by_key.setdefault(detail.key, []).append(detail)

    def of(self, key: _Key) -> list[Detail]:
        return self._by_key.get(key, [])


class _Hidden:
    """Leaves out the labels that the operator hides now, and remembers which it left out."""

    def __init__(self, labels: PublicLabels) -> None:
        self._labels = labels
        self._met: set[tuple[LabelKind, str]] = set()

    def among(self, kind: LabelKind, found: Iterable[str]) -> set[str]:
        hidden = {label for label in found if self._labels.hides(kind, label)}
        self._met |= {(kind, label) for label in hidden}
        return hidden

    def hides(self, key: _Key) -> bool:
        category, signature = key
        return bool(self.among(LabelKind.CATEGORY, [category]) | self.among(LabelKind.SIGNATURE, [signature]))

    def shown(self, shares: LabelShares, kind: LabelKind) -> tuple[list[str], list[float]]:
        return shares.of(kind, hidden=self.among(kind, shares.of(kind)[0]))

    def counts(self) -> dict[str, int]:
        return dict(sorted(Counter(str(kind) for kind, _ in self._met).items()))


def _row(
    key: _Key, numbers: list[Number], details: list[Detail], decisions: CategoryDecisions, hidden: _Hidden
) -> DatasetRow:
    category, label = key
    voices = sum(number.installations for number in numbers)
    confidence = rounded(min(sum(number.amounts["confidence"] or 0.0 for number in numbers) / voices, 1.0))
    shares = LabelShares(details, voices)
    fields: dict[str, Any] = dict(
        zip(("languages", "language_shares"), hidden.shown(shares, LabelKind.LANGUAGE), strict=True)
    )
    fields |= zip(("methods", "method_shares"), hidden.shown(shares, LabelKind.METHOD), strict=True)
    for names in _DETAIL_KINDS:
        fields |= zip(names, shares.bands(names[0]), strict=True)
    return DatasetRow(
        **identity_of(label),
        category=category,
        first_window=date.fromisoformat(numbers[0].start),
        last_window=date.fromisoformat(numbers[-1].start),
        windows=len(numbers),
        installations=installation_band(max(number.installations for number in numbers)),
        confidence=confidence,
        **fields,
        **decisions.fields(category, confidence),
    )
