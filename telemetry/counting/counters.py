"""The in-memory counters: what has been appended to the log and not yet flushed to the aggregates.

Nothing here reads a clock or does I/O. Counters take events in commit order; a flush drains them, and merges what it
drained back if it fails.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import filterfalse
from operator import attrgetter

import msgspec

from telemetry.catalogue.event import EVENTS_PREFIX, OtherEvent
from telemetry.catalogue.events import AnyEvent, by_class
from telemetry.catalogue.installations import is_placeholder
from telemetry.counting.aggregates import BOUNDED
from telemetry.counting.day_labels import DAYS_REMEMBERED, OVERFLOW_LABEL, DayLabels
from telemetry.counting.declaring import Aggregate
from telemetry.counting.deltas import CODE, Delta
from telemetry.counting.names import Name, Names


class Appended(msgspec.Struct, frozen=True):
    """Events that are durable in the segment of ``day``: their ids ascend, and all were received at one instant."""

    day: str
    received_at: str
    ids: Sequence[int]
    events: Sequence[AnyEvent]


class Counters:
    """Contributions since the last drain.

    ``labels`` bounds the metrics of a day, ``names`` the rows of bounded aggregates, by table. ``keys`` is how many
    rows of the aggregates a flush would touch now.
    """

    def __init__(self, labels: DayLabels, names: Mapping[str, Names] | None = None) -> None:
        self.labels = labels
        self.names = names or {aggregate.table: Names(aggregate) for aggregate in BOUNDED}
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
        self._count_rows(appended)
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

    def release(self, day: str, metrics: Iterable[str]) -> None:
        """Free the places of a day's labels that an exclusion has left without events."""
        self.labels.release(day, set(metrics) - self._delta.daily.get(day, Counter()).keys())

    def release_names(self, aggregate: Aggregate, names: Iterable[Name]) -> None:
        """Free the places of a bounded aggregate's names that an exclusion has left without events."""
        name_of = attrgetter(*aggregate.bounded)
        self.names[aggregate.table].release(set(names) - set(map(name_of, self._delta.rows[aggregate.table].values())))

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

    def _count_rows(self, appended: Appended) -> None:
        for table, rows in self._delta.rows.items():
            name = self.names[table].counted_as if table in self.names else None
            CODE[table].count(rows, name, appended)


def _shown_type(event: AnyEvent) -> str:
    # A dotted type was never public before the catalogue knew it.
    return OVERFLOW_LABEL if "." in event.type else event.type


def _labels_by_prefix(events: Sequence[AnyEvent]) -> Iterable[tuple[str, Iterable[str]]]:
    classes = by_class(events)
    are_of_clients = all(event_class.prefix == EVENTS_PREFIX for event_class in classes)
    of_clients = events if are_of_clients else [event for event in events if event.prefix == EVENTS_PREFIX]
    yield "version", map(attrgetter("drift_version"), of_clients)
    for event_class, same in classes.items():
        yield event_class.prefix, map(_shown_type, same) if event_class is OtherEvent else map(attrgetter("type"), same)
        for name in event_class.counted:
            yield name, map(attrgetter(name), same)
