"""Which labels have a metric of their own on a day, so that strangers cannot grow ``daily_stats`` without bound."""

from collections.abc import Iterable

from telemetry.catalogue.events import KNOWN_EVENTS

OVERFLOW_LABEL = "other"
NO_LABEL = "none"
# A label that a client sends, and that is not what did not get a metric of its own.
_OTHER_SENT = f"{OVERFLOW_LABEL} (label)"
DAYS_REMEMBERED = 8


class DayLabels:
    """The first ``labels_max`` labels of each prefix on each day; all later ones are counted as ``<prefix>:other``.

    Labels are admitted in the order of the log, so a replay admits the same ones. The newest eight days are kept.
    """

    def __init__(self, *, labels_max: int) -> None:
        self._labels_max = labels_max
        self._days: dict[str, dict[str, set[str]]] = {}

    def restore(self, day: str, metrics: Iterable[str]) -> None:
        """Admit what the aggregates already count on a day."""
        for metric in metrics:
            prefix, _, label = metric.partition(":")
            self._admitted(day, prefix).add(label)

    def metric(self, day: str, prefix: str, label: str) -> str:
        """Return the name of the metric that counts ``label`` on ``day``.

        An empty label is counted as ``none``. The label ``other`` is counted as ``other (label)``, but for event types.
        A dotted type that the catalogue does not know may be a host name: it is never public.
        """
        label = _OTHER_SENT if label == OVERFLOW_LABEL and prefix != "events" else label or NO_LABEL
        if prefix == "events" and "." in label and label not in KNOWN_EVENTS:
            return f"{prefix}:{OVERFLOW_LABEL}"
        admitted = self._admitted(day, prefix)
        if label not in admitted:
            if len(admitted) >= self._labels_max:
                return f"{prefix}:{OVERFLOW_LABEL}"
            admitted.add(label)
        return f"{prefix}:{label}"

    def _admitted(self, day: str, prefix: str) -> set[str]:
        prefixes = self._days.get(day)
        if prefixes is None:
            # Known event types are never crowded out by unknown ones.
            prefixes = self._days[day] = {"events": {OVERFLOW_LABEL, *KNOWN_EVENTS}}
            if len(self._days) > DAYS_REMEMBERED:
                del self._days[min(self._days.keys() - {day})]
        return prefixes.setdefault(prefix, {OVERFLOW_LABEL})
