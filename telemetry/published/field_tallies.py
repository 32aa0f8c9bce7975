"""Tallies of what is read from the fields of events: patterns, signatures, decisions and code bases."""

from collections.abc import Callable, Iterator

from telemetry.catalogue.decisions import ACTIONS, accepts
from telemetry.catalogue.vocabularies import MOMENTA, TIERS
from telemetry.published.folding import Path
from telemetry.published.judgement import ACCEPTED, ACCEPTED_SQUARES, JUDGED
from telemetry.published.labels import LabelKind, PublicLabels
from telemetry.published.observations import Codebase, Decided, Found, SeenVersion
from telemetry.published.scales import BANDS, ONE_IN_MILLIONTHS, band_of, deviation_step_of, millionths, share, step_of
from telemetry.published.series import OTHER_LABEL
from telemetry.published.tallies import KEYS_MAX, DurationsTally, FieldTally, Voice

_DecisionKey = Callable[[PublicLabels, SeenVersion, Decided], Path]
# To look up a member of an enumeration takes longer than all else that an event costs here.
_CATEGORY = LabelKind.CATEGORY
_REMEMBERED_MAX = 1_000
_LOCATIONS, _OUTLIERS, _OCCURRENCES = (
    {band: f"{kind}={band}" for band in BANDS} for kind in ("locations", "outliers", "occurrences")
)
_OTHER_ACTIONS = "other_actions"


class PatternsTally:
    """Languages and categories that patterns were found in."""

    def __init__(self, labels: PublicLabels) -> None:
        self.capped = 0
        self._language, self._category = labels.shown_as(LabelKind.LANGUAGE), labels.shown_as(LabelKind.CATEGORY)
        self._counts: dict[Path, int] = {}

    def add(self, _version: SeenVersion, fields: Found) -> None:
        """Take a pattern."""
        path = (self._language(fields.language), self._category(fields.category))
        counted = self._counts.get(path)
        if counted is None and len(self._counts) >= KEYS_MAX:
            self.capped += 1
        else:
            self._counts[path] = (counted or 0) + 1

    def drain(self) -> list[Voice]:
        """Return one voice for each language and category."""
        voices: list[Voice] = [(path, count, {}) for path, count in self._counts.items()]
        self._counts.clear()
        return voices


class _Parts(dict[str, str]):
    """What a label that was sent counts as among the shares of a signature. Holds at most ``_REMEMBERED_MAX``."""

    def __init__(self, kind: str, shown: Callable[[str], str]) -> None:
        super().__init__()
        self._kind = kind
        self._shown = shown

    def __missing__(self, sent: str) -> str:
        if len(self) >= _REMEMBERED_MAX:
            self.clear()
        part = self[sent] = f"{self._kind}={self._shown(sent)}"
        return part


class _Occurrences:
    """What an installation has seen of a signature."""

    __slots__ = ("confidence", "count", "parts")

    def __init__(self) -> None:
        self.count = 0
        self.confidence = 0
        self.parts: dict[str, int] = {}


class SignaturesTally:
    """Signatures, with shares of the languages and methods they were found by, and averages."""

    def __init__(self, labels: PublicLabels) -> None:
        self.capped = 0
        self._category, self._signature = labels.shown_as(LabelKind.CATEGORY), labels.shown_as(LabelKind.SIGNATURE)
        self._language = _Parts("language", labels.shown_as(LabelKind.LANGUAGE))
        self._method = _Parts("method", labels.shown_as(LabelKind.METHOD))
        self._found: dict[Path, _Occurrences] = {}

    def add(self, _version: SeenVersion, fields: Found) -> None:
        """Take an occurrence."""
        path = (self._category(fields.category), self._signature(fields.signature))
        found = self._found.get(path)
        if found is None:
            if len(self._found) >= KEYS_MAX:
                self.capped += 1
                return
            found = self._found[path] = _Occurrences()
        found.count += 1
        found.confidence += millionths(fields.confidence)
        parts = found.parts
        for part in (
            self._language[fields.language],
            self._method[fields.detection_method],
            _LOCATIONS[band_of(fields.location_count)],
            _OUTLIERS[band_of(fields.outlier_count)],
        ):
            parts[part] = parts.get(part, 0) + 1
        if fields.format_version != 1:
            for part in _parts_of_format_2(fields):
                parts[part] = parts.get(part, 0) + 1

    def drain(self) -> list[Voice]:
        """Return one voice for each signature."""
        voices: list[Voice] = []
        for path, found in self._found.items():
            count = found.count
            amounts = {"confidence": found.confidence // count, _OCCURRENCES[band_of(count)]: ONE_IN_MILLIONTHS}
            for part, number in found.parts.items():
                amounts[part] = ONE_IN_MILLIONTHS if number == count else share(number, count)
            voices.append((path, count, amounts))
        self._found.clear()
        return voices


def _parts_of_format_2(fields: Found) -> Iterator[str]:
    if fields.file_spread is not None:
        yield f"files={band_of(fields.file_spread)}"
    if fields.confidence_mean is not None:
        yield f"confidence_mean={step_of(fields.confidence_mean)}"
    if fields.confidence_stddev is not None:
        yield f"confidence_stddev={deviation_step_of(fields.confidence_stddev)}"
    for kind, label, known in (("tier", fields.tier, TIERS), ("momentum", fields.momentum, MOMENTA)):
        if label is not None:
            yield f"{kind}={label if label in known else OTHER_LABEL}"


class _Decisions:
    """What an installation decided under one key."""

    __slots__ = ("accepted", "actions", "judged")

    def __init__(self) -> None:
        self.actions: dict[str, int] = {}
        self.judged = 0
        self.accepted = 0

    def shares(self, count: int) -> dict[str, int]:
        """Return the share of each action, and of those decisions that accept or reject, the share that accepts."""
        shares = {action: share(number, count) for action, number in self.actions.items()}
        shares["approve_squares"] = _square(shares.get("approve", 0))
        if self.judged:
            accepted = share(self.accepted, self.judged)
            shares |= {JUDGED: ONE_IN_MILLIONTHS, ACCEPTED: accepted, ACCEPTED_SQUARES: _square(accepted)}
        return shares


class DecisionsTally:
    """Decisions by a key that ``key`` makes of them, as shares of the actions and of those that accept."""

    def __init__(self, labels: PublicLabels, key: _DecisionKey) -> None:
        self.capped = 0
        self._labels = labels
        self._key = key
        self._decided: dict[Path, _Decisions] = {}

    def add(self, version: SeenVersion, fields: Decided) -> None:
        """Take a decision."""
        path = self._key(self._labels, version, fields)
        decided = self._decided.get(path)
        if decided is None:
            if len(self._decided) >= KEYS_MAX:
                self.capped += 1
                return
            decided = self._decided[path] = _Decisions()
        action = fields.action if fields.action in ACTIONS else _OTHER_ACTIONS
        decided.actions[action] = decided.actions.get(action, 0) + 1
        accepted = accepts(fields.action, fields.reason)
        if accepted is not None:
            decided.judged += 1
            decided.accepted += accepted

    def drain(self) -> list[Voice]:
        """Return one voice for each key."""
        voices: list[Voice] = []
        for path, decided in self._decided.items():
            count = sum(decided.actions.values())
            voices.append((path, count, decided.shares(count)))
        self._decided.clear()
        return voices


def _square(part: int) -> int:
    """Return the square of a share, both in millionths."""
    return share(part * part, ONE_IN_MILLIONTHS**2)


class CodebaseTally:
    """What the latest report about a code base says, as ``keys`` reads it."""

    def __init__(self, labels: PublicLabels, kind: LabelKind, keys: Callable[[Codebase], list[str]]) -> None:
        self.capped = 0
        self._shown = labels.shown
        self._kind = kind
        self._keys = keys
        self._latest: Codebase | None = None
        self._reports = 0

    def add(self, _version: SeenVersion, fields: Codebase) -> None:
        """Take a report in the place of the one before."""
        self._latest = fields
        self._reports += 1

    def drain(self) -> list[Voice]:
        """Return one voice for each key of the latest report."""
        if self._latest is None:
            return []
        paths = dict.fromkeys((self._shown(self._kind, key),) for key in self._keys(self._latest))
        voices: list[Voice] = [(path, self._reports, {}) for path in paths]
        self._latest, self._reports = None, 0
        return voices


def by_category(labels: PublicLabels, _version: SeenVersion, decided: Decided) -> Path:
    """Return the key of ``decisions``."""
    return labels.shown(_CATEGORY, decided.category), step_of(decided.confidence_at_action)


def by_version(_labels: PublicLabels, version: SeenVersion, _decided: Decided) -> Path:
    """Return the key of ``decisions_by_version``."""
    return (version.shown,)


def by_bulk(_labels: PublicLabels, _version: SeenVersion, decided: Decided) -> Path:
    """Return the key of ``decisions_by_bulk``."""
    return ("bulk" if decided.is_bulk_action else "single",)


def new_tally(series: str, labels: PublicLabels) -> FieldTally:
    """Return an empty tally for a series that reads payloads."""
    return _TALLIES[series](labels)


_TALLIES: dict[str, Callable[[PublicLabels], FieldTally]] = {
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
