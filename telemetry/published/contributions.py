"""WindowContributions: what one installation adds to every series of a window, and which of its events are set aside.

An event counts if its installation was seen on an earlier UTC day too: ids that are new for each run of a build, or
made up to fill a threshold, are none of the numbers but that of new installations.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import NamedTuple

from telemetry.catalogue.versions import is_development
from telemetry.published.field_tallies import new_tally
from telemetry.published.labels import PublicLabels
from telemetry.published.observations import Observation
from telemetry.published.series import Series, series_of
from telemetry.published.tallies import NEW, RETURNING, Tally, VersionTally, Voice
from telemetry.published.windows import PublicWindow

THRESHOLD = 5
"""Installations that a public number counts at least, in any environment but `development`."""
OBSERVATIONS_MAX = 10_000
"""Events of an installation and day that are looked at."""
_ACTIVITY = "activity"


def threshold_in(environment: str) -> int:
    """Return how many installations a number counts at least; in ``development`` one, to see what was just sent."""
    return 1 if environment == "development" else THRESHOLD


class Aside(StrEnum):
    """Why an event that a series could read is not in its numbers."""

    FIRST_DAY = "first_day"
    DEVELOPMENT = "development"
    UNREADABLE = "unreadable"
    CAPPED = "capped"


@dataclass(frozen=True, slots=True)
class Policy:
    """``threshold`` is how many installations a published number counts at least.

    Where that is one, nobody's privacy is at stake, and events of an installation's first day count too.
    """

    threshold: int

    @property
    def counts_first_days(self) -> bool:
        """Whether an installation counts on its first day."""
        return self.threshold == 1


class Contribution(NamedTuple):
    """The voices of an installation in one series."""

    series: Series
    voices: list[Voice]


class WindowContributions:
    """Makes the contributions to one window. ``aside`` counts events by series and reason."""

    def __init__(self, window: PublicWindow, labels: PublicLabels, policy: Policy) -> None:
        self.aside: Counter[tuple[str, Aside]] = Counter()
        self._window = window
        self._labels = labels
        self._policy = policy
        series = series_of(window.period)
        self._activity = [one for one in series if one.name.startswith(_ACTIVITY)]
        self._series = [one for one in series if one not in self._activity]
        self._every = [one for one in self._series if not one.payloads]
        self._by_type: dict[str, list[Series]] = {}
        for one in series:
            for event_type in sorted(one.payloads):
                self._by_type.setdefault(event_type, []).append(one)
        self.payloads = frozenset(self._by_type)

    def of(self, first_seen: str | None, events: Iterable[Observation]) -> Iterator[Contribution]:
        """Return what an installation contributes; ``first_seen`` is the first day of it that is known, if any."""
        activity = VersionTally(self._labels)
        every: list[tuple[Series, Tally]] = []
        reading: dict[str, list[tuple[Series, Tally]]] = {}
        day, seen_on, counts = "", 0, False
        for event in events:
            if event.day != day:
                day, seen_on = event.day, 0
                first_seen = min(first_seen or day, day)
                counts = self._policy.counts_first_days or day > first_seen
                if counts and not (every or reading):
                    every, reading = self._tallies()
            seen_on += 1
            activity.add(event)
            if not counts:
                self._set_aside(event, Aside.FIRST_DAY)
            elif seen_on > OBSERVATIONS_MAX:
                self._set_aside(event, Aside.CAPPED)
            else:
                for _, tally in every:
                    tally.add(event)
                if event.type in reading:
                    self._read(event, reading[event.type])
        seen = NEW if first_seen is None or first_seen >= self._window.start else RETURNING
        for one in self._activity:
            yield Contribution(one, [voice._replace(path=(voice.path[0], seen)) for voice in activity.voices()])
        for one, tally in dict(chain(every, *reading.values())).items():
            if tally.capped:
                self.aside[one.name, Aside.CAPPED] += tally.capped
            yield Contribution(one, list(tally.voices()))

    def _tallies(self) -> tuple[list[tuple[Series, Tally]], dict[str, list[tuple[Series, Tally]]]]:
        """Return empty tallies of the series that count every event, and of those that read some types."""
        tallies = {one: new_tally(one.name, self._labels) for one in self._series}
        every = [(one, tallies[one]) for one in self._every]
        return every, {kind: [(one, tallies[one]) for one in own] for kind, own in self._by_type.items()}

    def _read(self, event: Observation, reading: list[tuple[Series, Tally]]) -> None:
        if event.fields is not None and not is_development(event.version):
            for _, tally in reading:
                tally.add(event)
            return
        # Only series that have a branch for builds from source, or name no version, count them.
        why = Aside.UNREADABLE if event.fields is None else Aside.DEVELOPMENT
        for one, _ in reading:
            self.aside[one.name, why] += 1

    def _set_aside(self, event: Observation, why: Aside) -> None:
        for one in [*self._every, *self._by_type.get(event.type, ())]:
            self.aside[one.name, why] += 1
