"""WindowContributions: what one installation adds to every series of a window, and which of its events are set aside.

An event counts if its installation was seen on an earlier UTC day too: ids that are new for each run of a build, or
made up to fill a threshold, are none of the numbers but that of new installations.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from telemetry.published.field_voices import Aside, AsideCounts, Contribution, FieldVoices
from telemetry.published.labels import PublicLabels
from telemetry.published.observations import DECODERS, SeenVersions
from telemetry.published.series import series_of
from telemetry.published.tallies import NEW, RETURNING, CountTally, EventsTally, VersionTally
from telemetry.published.windows import PublicWindow

THRESHOLD = 5
"""Installations that a public number counts at least, in any environment but `development`."""
OBSERVATIONS_MAX = 10_000
"""Events of an installation and day that are looked at."""
_ACTIVITY = "activity"
# Events that are counted by type and version before these are looked at; a divisor of the bound above.
_STRETCH = 1_000
_Counts = dict[bytes, int]

StoredRow = tuple[bytes, int, int, bytes, bytes, object, int]
"""An event in its segment: installation, number of its day in the window, id, type, version, payload and caller.

The payload is None where no series of the window reads it. The caller is a number of ``Caller``, or 0.
"""


def threshold_in(environment: str) -> int:
    """Return how many installations a number counts at least; in ``development`` one, to see what was just sent."""
    return 1 if environment == "development" else THRESHOLD


@dataclass(frozen=True, slots=True)
class Policy:
    """``threshold`` is how many installations a published number counts at least.

    Where one is enough, events of an installation's first day count too.
    """

    threshold: int

    @property
    def counts_first_days(self) -> bool:
        """Whether an installation counts on its first day."""
        return self.threshold == 1


class _Reading(NamedTuple):
    """How the payloads of one event type are read, and for which series."""

    decode: Callable[[Any], Any]
    voices: list[FieldVoices]
    series: list[str]


class WindowContributions:
    """Makes the contributions to one window of ``days``. ``aside`` counts events by series and reason."""

    def __init__(self, window: PublicWindow, days: list[str], labels: PublicLabels, policy: Policy) -> None:
        self.aside = AsideCounts()
        self._window = window
        self._days = days
        self._counts_first_days = policy.counts_first_days
        self._versions = SeenVersions(labels)
        series = series_of(window.period)
        self._activity = [one.name for one in series if one.name.startswith(_ACTIVITY)]
        self._active = VersionTally(labels)
        self._counting = [(one.name, _COUNTING[one.name](labels)) for one in series if one.name in _COUNTING]
        self._counted = [name for name, _ in self._counting]
        self._versions_counted = [tally for _, tally in self._counting if isinstance(tally, VersionTally)]
        self._fields = [FieldVoices(one, labels) for one in series if one.payloads]
        self._readings = {
            event_type.encode(): self._reading(event_type) for one in series for event_type in one.payloads
        }
        self.payloads = frozenset(event_type.decode() for event_type in self._readings)

    def _reading(self, event_type: str) -> _Reading:
        names = [one.name for one in series_of(self._window.period) if event_type in one.payloads]
        voices = [one for one in self._fields if one.name in names]
        return _Reading(DECODERS[event_type].decode, voices, names)

    def of(self, first_seen: str | None, events: Iterable[StoredRow]) -> Iterator[Contribution]:
        """Return what an installation contributes; ``first_seen`` is the first day of it that is known, if any."""
        place, seen_on, callers = -1, 0, 0
        aside: Aside | None = None
        types: _Counts = {}
        versions: _Counts = {}
        readings = self._readings
        for _, day, _, event_type, version, payload, caller in events:
            if day != place:
                self._count(types, versions, aside)
                place, seen_on = day, 0
                today = self._days[day]
                first_seen = min(first_seen or today, today)
                aside = None if self._counts_first_days or today > first_seen else Aside.FIRST_DAY
            elif not seen_on % _STRETCH:
                self._count(types, versions, aside)
                if seen_on == OBSERVATIONS_MAX and aside is None:
                    aside = Aside.CAPPED
            seen_on += 1
            types[event_type] = types.get(event_type, 0) + 1
            versions[version] = versions.get(version, 0) + 1
            if caller:
                callers |= caller
                self._active.called_by(caller)
                if aside is None:
                    for tally in self._versions_counted:
                        tally.called_by(caller)
            if aside is None and event_type in readings:
                self._read(readings[event_type], version, payload, caller)
        self._count(types, versions, aside)
        return self._drain(NEW if first_seen is None or first_seen >= self._window.start else RETURNING, callers)

    def _count(self, types: _Counts, versions: _Counts, aside: Aside | None) -> None:
        """Count events of one day, that are all set aside or none of them is, and forget them."""
        if not versions:
            return
        newest = max(map(self._versions.__getitem__, versions))
        self._active.add(types, newest)
        if aside is None:
            for _, tally in self._counting:
                tally.add(types, newest)
        else:
            for event_type, count in types.items():
                reading = self._readings.get(event_type)
                for name in (*self._counted, *(reading.series if reading else ())):
                    self.aside[name, aside] += count
        types.clear()
        versions.clear()

    def _read(self, reading: _Reading, stored_version: bytes, payload: object, caller: int) -> None:
        version = self._versions[stored_version]
        try:
            fields = reading.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
            # TypeError: what is stored is a number or nothing.
            self._set_aside(reading, Aside.UNREADABLE)
            return
        if version.is_development:
            # Only series that have a branch for builds from source, or name no version, count them.
            self._set_aside(reading, Aside.DEVELOPMENT)
            return
        for voices in reading.voices:
            voices.add(version, fields, caller)

    def _set_aside(self, reading: _Reading, why: Aside) -> None:
        for name in reading.series:
            self.aside[name, why] += 1

    def _drain(self, seen: str, callers: int) -> Iterator[Contribution]:
        for (cohort, _), observations, amounts in self._active.drain():
            for name in self._activity:
                yield name, [((cohort, seen), observations, amounts)]
        for name, tally in self._counting:
            voices = tally.drain()
            if tally.capped:
                self.aside[name, Aside.CAPPED] += tally.capped
                tally.capped = 0
            if voices:
                yield name, voices
        for field_voices in self._fields:
            yield from field_voices.drain(callers, self.aside)


_COUNTING: dict[str, Callable[[PublicLabels], CountTally]] = {"events": EventsTally, "versions": VersionTally}
