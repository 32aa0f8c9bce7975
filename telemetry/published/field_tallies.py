"""Tallies of what is read from the fields of events: patterns, signatures, decisions and code bases."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from telemetry.catalogue.vocabularies import ACTIONS
from telemetry.published.labels import LabelKind, PublicLabels
from telemetry.published.observations import Codebase, Decided, Found, Observation
from telemetry.published.scales import ONE_IN_MILLIONTHS, band_of, millionths, share, step_of
from telemetry.published.tallies import CountingTally, DurationsTally, EventsTally, Tally, VersionTally, Voice

_DecisionKey = Callable[[PublicLabels, Observation, Decided], tuple[str, ...]]


class PatternsTally(CountingTally):
    """Languages and categories that patterns were found in."""

    def add(self, seen: Observation) -> None:
        """Take a pattern."""
        if isinstance(seen.fields, Found):
            language = self._shown(LabelKind.LANGUAGE, seen.fields.language)
            self.count((language, self._shown(LabelKind.CATEGORY, seen.fields.category)))


class SignaturesTally(CountingTally):
    """Signatures, with shares of the languages and methods they were found by, and averages."""

    def __init__(self, labels: PublicLabels) -> None:
        super().__init__(labels)
        self._sums: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        self._confidence: Counter[tuple[str, ...]] = Counter()

    def add(self, seen: Observation) -> None:
        """Take an occurrence."""
        fields = seen.fields
        if not isinstance(fields, Found):
            return
        path = (
            self._shown(LabelKind.CATEGORY, fields.category),
            self._shown(LabelKind.SIGNATURE, fields.signature_hash),
        )
        if self.count(path):
            self._confidence[path] += millionths(fields.confidence)
            sums = self._sums[path]
            sums[f"language={self._shown(LabelKind.LANGUAGE, fields.language)}"] += 1
            sums[f"method={self._shown(LabelKind.METHOD, fields.detection_method)}"] += 1
            sums[f"locations={band_of(fields.location_count)}"] += 1
            sums[f"outliers={band_of(fields.outlier_count)}"] += 1

    def voices(self) -> Iterator[Voice]:
        """Return one voice for each signature."""
        for path, count in self._counts.items():
            shares = {name: share(part, count) for name, part in self._sums[path].items()}
            confidence = self._confidence[path] // count
            occurrences = {f"occurrences={band_of(count)}": ONE_IN_MILLIONTHS}
            yield Voice(path, count, {"confidence": confidence, **shares, **occurrences})


class DecisionsTally(CountingTally):
    """Decisions by a key that ``key`` makes of them, as shares of the actions."""

    def __init__(self, labels: PublicLabels, key: _DecisionKey) -> None:
        super().__init__(labels)
        self._labels = labels
        self._key = key
        self._actions: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)

    def add(self, seen: Observation) -> None:
        """Take a decision."""
        if isinstance(seen.fields, Decided):
            path = self._key(self._labels, seen, seen.fields)
            if self.count(path):
                action = seen.fields.action
                self._actions[path][action if action in ACTIONS else "other_actions"] += 1

    def voices(self) -> Iterator[Voice]:
        """Return one voice for each key."""
        for path, count in self._counts.items():
            shares = {action: share(number, count) for action, number in self._actions[path].items()}
            approved = shares.get("approve", 0)
            yield Voice(path, count, {**shares, "approve_squares": share(approved * approved, ONE_IN_MILLIONTHS**2)})


class CodebaseTally(CountingTally):
    """What the latest report about a code base says, as ``keys`` reads it."""

    def __init__(self, labels: PublicLabels, kind: LabelKind, keys: Callable[[Codebase], list[str]]) -> None:
        super().__init__(labels)
        self._kind = kind
        self._keys = keys
        self._latest: Codebase | None = None
        self._reports = 0

    def add(self, seen: Observation) -> None:
        """Take a report in the place of the one before."""
        if isinstance(seen.fields, Codebase):
            self._latest = seen.fields
            self._reports += 1

    def voices(self) -> Iterator[Voice]:
        """Return one voice for each key of the latest report."""
        keys = self._keys(self._latest) if self._latest else []
        for path in dict.fromkeys((self._shown(self._kind, key),) for key in keys):
            yield Voice(path, self._reports, {})


def by_category(labels: PublicLabels, _seen: Observation, decided: Decided) -> tuple[str, ...]:
    """Return the key of ``decisions``."""
    return labels.shown(LabelKind.CATEGORY, decided.category), step_of(decided.confidence_at_action)


def by_version(labels: PublicLabels, seen: Observation, _decided: Decided) -> tuple[str, ...]:
    """Return the key of ``decisions_by_version``."""
    return (labels.shown(LabelKind.VERSION, seen.version),)


def by_bulk(_labels: PublicLabels, _seen: Observation, decided: Decided) -> tuple[str, ...]:
    """Return the key of ``decisions_by_bulk``."""
    return ("bulk" if decided.is_bulk_action else "single",)


def new_tally(series: str, labels: PublicLabels) -> Tally:
    """Return an empty tally for a series."""
    return _TALLIES[series](labels)


_TALLIES: dict[str, Callable[[PublicLabels], Tally]] = {
    "events": EventsTally,
    "versions": VersionTally,
    "durations": DurationsTally,
    "patterns": PatternsTally,
    "signatures": SignaturesTally,
    "decisions": lambda labels: DecisionsTally(labels, by_category),
    "decisions_by_version": lambda labels: DecisionsTally(labels, by_version),
    "decisions_by_bulk": lambda labels: DecisionsTally(labels, by_bulk),
    "size_tiers": lambda labels: CodebaseTally(labels, LabelKind.SIZE_TIER, lambda it: [it.codebase_size_tier]),
    "frameworks": lambda labels: CodebaseTally(labels, LabelKind.FRAMEWORK, lambda it: it.frameworks),
    "features": lambda labels: CodebaseTally(labels, LabelKind.FEATURE, lambda it: it.features_enabled),
}
