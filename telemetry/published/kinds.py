"""Kinds of events: all that most series read of an event, as it comes from a segment, looked at once each."""

from collections.abc import Mapping
from typing import NamedTuple

from telemetry.catalogue.versions import is_development, version_order
from telemetry.published.labels import LabelKind, PublicLabels
from telemetry.published.observations import SeenVersion
from telemetry.published.readings import PayloadReading

SEPARATOR = b"\x1f"
"""What a stored kind has between type and version; before the type, it has a digit for the caller."""
_REMEMBERED_MAX = 10_000


class Kind(NamedTuple):
    """Who ran the tool, the type, the version, and how fields are read, if any series of the window reads them.

    ``stored`` is the kind as it was stored. The caller is a number of ``Caller``, or 0.
    """

    stored: bytes
    caller: int
    type: bytes
    version: SeenVersion
    reading: PayloadReading | None


class Kinds(dict[bytes, Kind]):
    """Kinds by what is stored. Holds about ``_REMEMBERED_MAX``."""

    def __init__(self, labels: PublicLabels, readings: Mapping[bytes, PayloadReading]) -> None:
        super().__init__()
        self._labels = labels
        self._readings = readings

    def __missing__(self, stored: bytes) -> Kind:
        if len(self) >= _REMEMBERED_MAX:
            self.clear()
        event_type, _, version = stored[1:].partition(SEPARATOR)
        kind = Kind(stored, int(stored[:1]), event_type, self._seen(version), self._readings.get(event_type))
        self[stored] = kind
        return kind

    def _seen(self, stored: bytes) -> SeenVersion:
        text = stored.decode(errors="replace")
        shown = self._labels.shown(LabelKind.VERSION, text)
        return SeenVersion(version_order(text), text, shown, is_development(text))
