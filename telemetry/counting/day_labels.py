"""Which labels have a metric of their own on a day, so that strangers cannot grow ``daily_stats`` without bound."""

from collections.abc import Iterable

from telemetry.catalogue.events import KNOWN_EVENTS
from telemetry.catalogue.vocabularies import counted_category

OVERFLOW_LABEL = "other"
NO_LABEL = "none"
# A label that a client sends, and that is not what did not get a metric of its own.
_OTHER_SENT = f"{OVERFLOW_LABEL} (label)"
DAYS_REMEMBERED = 8


class DayLabels:
    """The first ``labels_max`` labels of each prefix on each day; all later ones are counted as ``<prefix>:other``.

    Labels are admitted in the order of the log, so a replay admits the same ones. The newest eight days are kept.

    The label ``other`` of a client is counted as ``other (label)``, unless the day is restored without that name: an
    older program began to count it, and a recount must come to the same.
    """

    def __init__(self, *, labels_max: int) -> None:
        self._labels_max = labels_max
        self._days: dict[str, dict[str, set[str]]] = {}
        self._without_other_sent: set[str] = set()

    def restore(self, day: str, metrics: Iterable[str]) -> None:
        """Admit what the aggregates already count on a day."""
        metrics = list(metrics)
        if day not in self._days and metrics and not any(one.endswith(f":{_OTHER_SENT}") for one in metrics):
            self._without_other_sent.add(day)
        for metric in metrics:
            prefix, _, label = metric.partition(":")
            self._admitted(day, prefix).add(label)

    def metric(self, day: str, prefix: str, label: str | None) -> str:
        """Return the name of the metric that counts ``label`` on ``day``.

        An empty label is counted as ``none``, and a known category as version 1 of the tool spells it.
        A dotted type that the catalogue does not know may be a host name: it is never public.
        """
        if label == OVERFLOW_LABEL and prefix != "events" and day not in self._without_other_sent:
            label = _OTHER_SENT
        label = label or NO_LABEL
        if prefix == "category":
            label = counted_category(label)
        if prefix == "events" and "." in label and label not in KNOWN_EVENTS:
            return f"{prefix}:{OVERFLOW_LABEL}"
        admitted = self._admitted(day, prefix)
        if label not in admitted:
            if len(admitted) >= self._labels_max:
                return f"{prefix}:{OVERFLOW_LABEL}"
            admitted.add(label)
        return f"{prefix}:{label}"

    def release(self, day: str, metrics: Iterable[str]) -> None:
        """Free the places of labels that no event counts under any more."""
        for metric in metrics:
            prefix, _, label = metric.partition(":")
            if day in self._days and label != OVERFLOW_LABEL and not (prefix == "events" and label in KNOWN_EVENTS):
                self._admitted(day, prefix).discard(label)

    def _admitted(self, day: str, prefix: str) -> set[str]:
        prefixes = self._days.get(day)
        if prefixes is None:
            # Known event types are never crowded out by unknown ones.
            prefixes = self._days[day] = {"events": {OVERFLOW_LABEL, *KNOWN_EVENTS}}
            if len(self._days) > DAYS_REMEMBERED:
                oldest = min(self._days.keys() - {day})
                del self._days[oldest]
                self._without_other_sent.discard(oldest)
        return prefixes.setdefault(prefix, {OVERFLOW_LABEL})
