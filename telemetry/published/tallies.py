"""Tallies: what one installation contributes to a series in a window. Each key has one voice of it.

A tally holds at most ``KEYS_MAX`` keys; what is beyond that or another cap is counted in ``capped``.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from telemetry.catalogue.versions import is_development, version_order
from telemetry.published.labels import LabelKind, PublicLabels
from telemetry.published.observations import Observation, Scan
from telemetry.published.scales import bucket_of

KEYS_MAX = 2_000
EVENTS_MAX = 1_000
"""Events of an installation and a day that the series ``events`` counts."""
DURATIONS_MAX = 20
"""Durations of an installation, a day and a kind that are counted."""
NEW, RETURNING = "new", "returning"


class Voice(NamedTuple):
    """What an installation contributes under one key: how many observations, and amounts by name.

    An amount of a further label is named ``kind=label``; the kind may be empty.
    """

    path: tuple[str, ...]
    observations: int
    amounts: dict[str, int]


class Tally(Protocol):
    """The contribution of one installation to one series."""

    capped: int

    def add(self, seen: Observation) -> None:
        """Take an event into account; they come in the order in which they were received."""
        ...

    def voices(self) -> Iterator[Voice]:
        """Return one voice for each key."""
        ...


def cohort_of(version: str) -> str:
    """Return the branch that a version belongs to."""
    return "development" if is_development(version) else "regular"


class CountingTally:
    """Counts the observations of keys, within the bound."""

    def __init__(self, labels: PublicLabels) -> None:
        self.capped = 0
        self._shown = labels.shown
        self._counts: dict[tuple[str, ...], int] = {}

    def count(self, path: tuple[str, ...]) -> bool:
        """Count an observation of a key; return whether there is room for the key."""
        counted = self._counts.get(path)
        if counted is None and len(self._counts) >= KEYS_MAX:
            self.capped += 1
            return False
        self._counts[path] = (counted or 0) + 1
        return True

    def voices(self) -> Iterator[Voice]:
        """Return one voice for each key."""
        return (Voice(path, count, {}) for path, count in self._counts.items())


class EventsTally(CountingTally):
    """Events by type; one day's."""

    def add(self, seen: Observation) -> None:
        """Count an event."""
        self.count((self._shown(LabelKind.TYPE, seen.type),))

    def voices(self) -> Iterator[Voice]:
        """Return one voice for each type; together they have at most ``EVENTS_MAX`` events."""
        left = EVENTS_MAX
        for path, count in self._counts.items():
            taken = min(count, left)
            left -= taken
            yield Voice(path, count, {"events": taken})


class VersionTally:
    """The newest version that was reported, and its branch."""

    def __init__(self, labels: PublicLabels) -> None:
        self.capped = 0
        self._labels = labels
        self._newest: tuple[tuple[int, ...], str] = ((), "")
        self._observations = 0

    def add(self, seen: Observation) -> None:
        """Take the version of an event."""
        self._observations += 1
        if seen.version != self._newest[1]:
            self._newest = max(self._newest, (version_order(seen.version), seen.version))

    def voices(self) -> Iterator[Voice]:
        """Return the only voice."""
        if self._observations:
            version = self._newest[1]
            path = (cohort_of(version), self._labels.shown(LabelKind.VERSION, version))
            yield Voice(path, self._observations, {})


class DurationsTally(CountingTally):
    """Durations by kind and version, one day's."""

    def __init__(self, labels: PublicLabels) -> None:
        super().__init__(labels)
        self._taken: dict[str, int] = {}
        self._amounts: dict[tuple[str, ...], dict[str, int]] = {}

    def add(self, seen: Observation) -> None:
        """Take the duration of a scan."""
        if not isinstance(seen.fields, Scan):
            return
        what = "incremental_scan" if seen.fields.is_incremental else "scan"
        taken = self._taken.get(what, 0)
        if taken >= DURATIONS_MAX:
            self.capped += 1
            return
        self._taken[what] = taken + 1
        path = (what, self._shown(LabelKind.VERSION, seen.version))
        if self.count(path):
            amounts = self._amounts.setdefault(path, {"observations": 0})
            bucket = f"={bucket_of(seen.fields.duration_ms)}"
            amounts["observations"] += 1
            amounts[bucket] = amounts.get(bucket, 0) + 1

    def voices(self) -> Iterator[Voice]:
        """Return one voice for each kind and version."""
        return (Voice(path, count, self._amounts[path]) for path, count in self._counts.items())
