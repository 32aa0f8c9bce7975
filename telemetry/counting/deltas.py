"""Deltas: what events add to the aggregates. They merge in any order, and only ever add."""

from collections import Counter
from dataclasses import dataclass, field

import msgspec


class SignatureDelta(msgspec.Struct, array_like=True, gc=False):
    """What occurrences of one signature add; the labels are those of the latest occurrence by (day, id)."""

    signature_hash: str
    occurrences: int
    confidence_millionths: int
    locations: int
    outliers: int
    first_seen: str
    last_seen: str
    latest_day: str
    latest_id: int
    category: str
    detection_method: str
    language: str

    def merge(self, other: "SignatureDelta") -> None:
        """Add another delta of the same signature."""
        self.occurrences += other.occurrences
        self.confidence_millionths += other.confidence_millionths
        self.locations += other.locations
        self.outliers += other.outliers
        self.first_seen = min(self.first_seen, other.first_seen)
        self.last_seen = max(self.last_seen, other.last_seen)
        if (other.latest_day, other.latest_id) > (self.latest_day, self.latest_id):
            self.latest_day, self.latest_id = other.latest_day, other.latest_id
            self.category, self.detection_method, self.language = other.category, other.detection_method, other.language


class ActionDelta(msgspec.Struct, array_like=True, gc=False):
    """What decisions of one kind add; ``hours`` is a sum and can be negative."""

    category: str
    action: str
    confidence_bucket: str
    count: int
    hours: int
    updated_at: str

    def merge(self, other: "ActionDelta") -> None:
        """Add another delta of the same kind of decision."""
        self.count += other.count
        self.hours += other.hours
        self.updated_at = max(self.updated_at, other.updated_at)


ActionKey = tuple[str, str, str]
"""Category, action and confidence bucket."""


@dataclass(slots=True)
class Delta:
    """Contributions to the aggregates, with the watermark of each segment that they reach.

    ``daily`` holds counts by day and metric, ``installations`` the ids seen on each day.
    """

    daily: dict[str, Counter[str]] = field(default_factory=dict)
    signatures: dict[str, SignatureDelta] = field(default_factory=dict)
    actions: dict[ActionKey, ActionDelta] = field(default_factory=dict)
    installations: dict[str, set[str]] = field(default_factory=dict)
    watermarks: dict[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.watermarks)

    @property
    def keys(self) -> int:
        """How many rows of the aggregates a flush of this touches."""
        by_day = sum(map(len, self.daily.values())) + sum(map(len, self.installations.values()))
        return by_day + len(self.signatures) + len(self.actions)

    def merge(self, other: "Delta") -> None:
        """Take in ``other``, which must not be used afterwards."""
        for day, metrics in other.daily.items():
            self.daily.setdefault(day, Counter()).update(metrics)
        for signature, occurrences in other.signatures.items():
            if (same := self.signatures.setdefault(signature, occurrences)) is not occurrences:
                same.merge(occurrences)
        for key, decisions in other.actions.items():
            if (counted := self.actions.setdefault(key, decisions)) is not decisions:
                counted.merge(decisions)
        for day, installations in other.installations.items():
            self.installations.setdefault(day, set()).update(installations)
        for day, watermark in other.watermarks.items():
            self.watermarks[day] = max(watermark, self.watermarks.get(day, 0))
