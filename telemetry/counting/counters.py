"""The in-memory counters: what has been appended to the log and not yet flushed to the aggregates.

Nothing here reads a clock or does I/O. Counters take events in commit order; a flush drains them, and merges what it
drained back if it fails.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import filterfalse
from operator import attrgetter
from sys import intern

import msgspec

from telemetry.catalogue.events import AnyEvent, PatternSignature, UserAction, by_class
from telemetry.catalogue.installations import is_placeholder
from telemetry.counting.action_pairs import ActionPairs
from telemetry.counting.day_labels import DAYS_REMEMBERED, NO_LABEL, DayLabels
from telemetry.counting.deltas import ActionDelta, Delta, SignatureDelta

# What one event adds to a sum is cut to what is plausible: one event must not make an average meaningless, and no
# number of them may bring a sum beyond 64 bits. The hours are a year.
HOURS_SUMMED_MAX = 8_760
LOCATIONS_SUMMED_MAX = 100_000
MILLIONTHS = 1_000_000
CONFIDENCE_HIGH = 0.85
CONFIDENCE_MEDIUM = 0.70


class Appended(msgspec.Struct, frozen=True):
    """Events that are durable in the segment of ``day``: their ids ascend, and all were received at one instant."""

    day: str
    received_at: str
    ids: Sequence[int]
    events: Sequence[AnyEvent]


class Counters:
    """Contributions since the last drain; ``labels`` bounds the metrics of a day, ``pairs`` the decisions.

    ``keys`` is how many rows of the aggregates a flush would touch now.
    """

    def __init__(self, labels: DayLabels, pairs: ActionPairs | None = None) -> None:
        self.labels = labels
        self.pairs = pairs or ActionPairs()
        self.keys = 0
        self._delta = Delta()
        self._counted: dict[str, int] = {}
        self._abandoned = False

    def add(self, appended: Appended) -> None:
        """Count events; the watermark of their segment moves to the last of them.

        Those that were counted already are passed over: what waited to be counted can be found in the log meanwhile.
        """
        if self._abandoned or not appended.ids or appended.ids[-1] <= self.counted(appended.day):
            return
        self._advance(appended.day, appended.ids[-1])
        self._count_installations(appended)
        self._count_labels(appended)
        self._count_signatures(appended)
        self._count_actions(appended)
        self.keys = self._delta.keys

    def counted(self, day: str) -> int:
        """Return the id of the last event of a recent day that was counted, flushed since or not; 0 if unknown."""
        return self._counted.get(day, 0)

    def merge(self, delta: Delta) -> None:
        """Take back what a failed flush had drained."""
        if self._abandoned:
            return
        delta.merge(self._delta)
        self._delta, self.keys = delta, delta.keys

    def drain(self) -> Delta:
        """Take everything, watermarks included, and leave the counters empty."""
        drained, self._delta, self.keys = self._delta, Delta(), 0
        return drained

    def abandon(self) -> None:
        """Drop everything and count nothing more: the next start counts it from the log, exactly."""
        self._abandoned = True
        self.drain()

    def _advance(self, day: str, last_id: int) -> None:
        self._delta.watermarks[day] = last_id
        self._counted[day] = last_id
        if len(self._counted) > DAYS_REMEMBERED:
            del self._counted[min(self._counted.keys() - {day})]

    def _count_installations(self, appended: Appended) -> None:
        installations = self._delta.installations.setdefault(appended.day, set())
        unseen = set(map(attrgetter("installation_id"), appended.events)) - installations
        installations.update(filterfalse(is_placeholder, unseen))

    def _count_labels(self, appended: Appended) -> None:
        metrics = self._delta.daily.setdefault(appended.day, Counter())
        for prefix, labels in _labels_by_prefix(appended.events):
            for label, count in Counter(labels).items():
                metrics[self.labels.metric(appended.day, prefix, label)] += count

    def _count_signatures(self, appended: Appended) -> None:
        day, received_at, signatures = appended.day, appended.received_at, self._delta.signatures
        for event_id, event in zip(appended.ids, appended.events, strict=True):
            if not isinstance(event, PatternSignature):
                continue
            confidence = round(event.confidence * MILLIONTHS)
            locations, outliers = event.location_count, event.outlier_count
            if locations > LOCATIONS_SUMMED_MAX or outliers > LOCATIONS_SUMMED_MAX:
                locations, outliers = min(locations, LOCATIONS_SUMMED_MAX), min(outliers, LOCATIONS_SUMMED_MAX)
            language = event.language or NO_LABEL
            signature = signatures.get(event.signature_hash)
            if signature is None:
                signatures[event.signature_hash] = SignatureDelta(
                    event.signature_hash, 1, confidence, locations, outliers, received_at, received_at, day, event_id,
                    intern(event.category), intern(event.detection_method), intern(language),
                )  # fmt: skip
                continue
            signature.occurrences += 1
            signature.confidence_millionths += confidence
            signature.locations += locations
            signature.outliers += outliers
            # Within a day ids only grow; a day before the latest one appears when the clock was set back.
            if day >= signature.latest_day:
                signature.latest_day, signature.latest_id = day, event_id
                if event.category != signature.category:
                    signature.category = intern(event.category)
                if event.detection_method != signature.detection_method:
                    signature.detection_method = intern(event.detection_method)
                if language != signature.language:
                    signature.language = intern(language)
            if received_at > signature.last_seen:
                signature.last_seen = received_at
            elif received_at < signature.first_seen:
                signature.first_seen = received_at

    def _count_actions(self, appended: Appended) -> None:
        for event in appended.events:
            if isinstance(event, UserAction):
                pair = self.pairs.counted_as(event.category, event.action)
                key = (*pair, confidence_bucket(event.confidence_at_action))
                hours = max(-HOURS_SUMMED_MAX, min(event.hours_since_discovery, HOURS_SUMMED_MAX))
                decision = ActionDelta(*key, 1, hours, appended.received_at)
                if (counted := self._delta.actions.setdefault(key, decision)) is not decision:
                    counted.merge(decision)


def confidence_bucket(confidence: float) -> str:
    """Return Drift's own name for a range of confidence."""
    if confidence >= CONFIDENCE_HIGH:
        return "high"
    return "medium" if confidence >= CONFIDENCE_MEDIUM else "low"


def _labels_by_prefix(events: Sequence[AnyEvent]) -> Iterable[tuple[str, Iterable[str]]]:
    yield "version", map(attrgetter("drift_version"), events)
    for event_class, same in by_class(events).items():
        yield "events", map(attrgetter("type"), same)
        for name in event_class.counted:
            yield name, map(attrgetter(name), same)
