"""WindowContributions: what one installation adds to every series of a window, and which of its events are set aside.

An event counts if its installation was seen on an earlier UTC day too: ids that are new for each run of a build, or
made up to fill a threshold, are none of the numbers but that of new installations.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import NamedTuple

import msgspec

from telemetry.published.field_voices import Aside, AsideCounts, FieldVoices
from telemetry.published.kinds import Kind, Kinds
from telemetry.published.labels import PublicLabels
from telemetry.published.readings import PayloadReading, readings_of
from telemetry.published.series import series_of
from telemetry.published.tallies import NEW, RETURNING, CountTally, EventsTally, VersionTally, Voice
from telemetry.published.windows import Period, PublicWindow

THRESHOLD = 5
"""Installations that a public number counts at least, in any environment but `development`."""
OBSERVATIONS_MAX = 10_000
"""Events of an installation and day that are looked at."""
_ACTIVITY = "activity"
# Events that are counted by type and version before these are looked at; a divisor of the bound above.
_STRETCH = 1_000
# Days of so few events look alike to the series that read no payload.
_SHORT_MAX = 16
_SHAPES_MAX = 10_000

StoredRow = tuple[bytes, int, bytes, object]
"""An event in its segment: installation, number of its day in the window, kind and payload.

The payload is None where no series of the window reads it. ``Kinds`` says what a kind is.
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


class Contribution(NamedTuple):
    """What each of some installations adds to a series: the voices of one, and how many have the same ones.

    ``members`` are their numbers, at least as long as they are fewer than the threshold.
    """

    series: str
    voices: list[Voice]
    members: Sequence[int]
    installations: int = 1


class _Shape(msgspec.Struct, gc=False):
    """Installations whose days look alike: how many, and the first of them."""

    installations: int = 0
    members: list[int] = []


_Shapes = dict[tuple[bytes, ...], _Shape]


class WindowContributions:
    """Makes the contributions to one window of ``days``. ``aside`` counts events by series and reason."""

    def __init__(self, window: PublicWindow, days: list[str], labels: PublicLabels, policy: Policy) -> None:
        self.aside = AsideCounts()
        self._window = window
        self._days = days
        self._policy = policy
        series = series_of(window.period)
        self._activity = [one.name for one in series if one.name.startswith(_ACTIVITY)]
        self._active = VersionTally(labels)
        self._counting = [(one.name, _COUNTING[one.name](labels)) for one in series if one.name in _COUNTING]
        self._counted = [name for name, _ in self._counting]
        self._versions_counted = [tally for _, tally in self._counting if isinstance(tally, VersionTally)]
        self._fields = [FieldVoices(one, labels) for one in series if one.payloads]
        readings = readings_of(series, self._fields)
        self.payloads = frozenset(event_type.decode() for event_type in readings)
        self._kinds = Kinds(labels, readings)
        # Of days with few events: by the kinds of these, for returning installations and for new ones.
        self._shapes: tuple[_Shapes, _Shapes] = ({}, {})

    def of(self, number: int, first_seen: str | None, events: Iterable[StoredRow]) -> Iterable[Contribution]:
        """Return what an installation with a number contributes, and maybe what others did.

        ``first_seen`` is its first day that is known, if any. In the end, ``rest`` has what has not been returned.
        """
        if self._window.period is not Period.DAY:
            return self._of_days(number, first_seen, events)
        rows = iter(events)
        begun = list(islice(rows, _SHORT_MAX + 1))
        if len(begun) > _SHORT_MAX:
            return self._of_days(number, first_seen, chain(begun, rows))
        return self._of_short_day(number, first_seen is None or first_seen >= self._window.start, begun)

    def rest(self) -> Iterator[Contribution]:
        """Return what installations whose days look alike contribute."""
        for is_new, shapes in enumerate(self._shapes):
            for kinds, shape in shapes.items():
                aside = AsideCounts()
                self._count(Counter(kinds), self._aside(is_new=bool(is_new)), aside)
                for name, voices in self._drain_counts(NEW if is_new else RETURNING, aside):
                    yield Contribution(name, voices, shape.members, shape.installations)
                for where, count in aside.items():
                    self.aside[where] += count * shape.installations
            shapes.clear()

    def _of_short_day(self, number: int, is_new: bool, rows: list[StoredRow]) -> Iterable[Contribution]:
        kinds, shapes = self._kinds, self._shapes[is_new]
        shape = tuple(sorted([kind for _, _, kind, _ in rows]))
        found = shapes.get(shape)
        if found is None:
            # Of each kind one object, instead of one for each event.
            found = shapes[tuple([kinds[kind].stored for kind in shape])] = _Shape()
        found.installations += 1
        if found.installations < self._policy.threshold:
            found.members.append(number)
        callers, has_read = 0, False
        if self._aside(is_new=is_new) is None:
            for _, _, kind, payload in rows:
                callers |= kinds[kind].caller
                if payload is not None:
                    has_read = True
                    self._read(kinds[kind], payload)
        contributions = list(self._drain_fields(number, callers)) if has_read else []
        return contributions if len(shapes) < _SHAPES_MAX else [*contributions, *self.rest()]

    def _aside(self, *, is_new: bool) -> Aside | None:
        return Aside.FIRST_DAY if is_new and not self._policy.counts_first_days else None

    def _of_days(self, number: int, first_seen: str | None, events: Iterable[StoredRow]) -> Iterator[Contribution]:
        place, seen_on, callers = -1, 0, 0
        aside: Aside | None = None
        counts: dict[bytes, int] = {}
        kinds = self._kinds
        for _, day, kind, payload in events:
            if day != place:
                callers |= self._count(counts, aside, self.aside)
                place, seen_on = day, 0
                today = self._days[day]
                first_seen = min(first_seen or today, today)
                aside = self._aside(is_new=today <= first_seen)
            elif not seen_on % _STRETCH:
                callers |= self._count(counts, aside, self.aside)
                if seen_on == OBSERVATIONS_MAX and aside is None:
                    aside = Aside.CAPPED
            seen_on += 1
            counts[kind] = counts.get(kind, 0) + 1
            if payload is not None and aside is None:
                self._read(kinds[kind], payload)
        callers |= self._count(counts, aside, self.aside)
        seen = NEW if first_seen is None or first_seen >= self._window.start else RETURNING
        for name, voices in self._drain_counts(seen, self.aside):
            yield Contribution(name, voices, (number,))
        yield from self._drain_fields(number, callers)

    def _count(self, counts: dict[bytes, int], aside: Aside | None, put: AsideCounts) -> int:
        """Count events of one day, that are all set aside or none of them is, and forget them; return their callers."""
        if not counts:
            return 0
        kinds = [(self._kinds[stored], count) for stored, count in counts.items()]
        counts.clear()
        newest = max(kind.version for kind, _ in kinds)
        types: dict[bytes, int] = {}
        callers = 0
        for kind, count in kinds:
            types[kind.type] = types.get(kind.type, 0) + count
            callers |= kind.caller
            if aside is not None:
                for name in (*self._counted, *(kind.reading.series if kind.reading else ())):
                    put[name, aside] += count
        self._active.add(types, newest)
        self._active.called_by(callers)
        if aside is None:
            for _, tally in self._counting:
                tally.add(types, newest)
            for one in self._versions_counted:
                one.called_by(callers)
        return callers

    def _read(self, kind: Kind, payload: object) -> None:
        reading, version = kind.reading, kind.version
        assert reading is not None
        try:
            fields = reading.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
            # TypeError: what is stored is a number.
            self._set_aside(reading, Aside.UNREADABLE)
            return
        if version.is_development:
            # Only series that have a branch for builds from source, or name no version, count them.
            self._set_aside(reading, Aside.DEVELOPMENT)
            return
        for voices in reading.voices:
            voices.add(version, fields, kind.caller)

    def _set_aside(self, reading: PayloadReading, why: Aside) -> None:
        for name in reading.series:
            self.aside[name, why] += 1

    def _drain_counts(self, seen: str, aside: AsideCounts) -> Iterator[tuple[str, list[Voice]]]:
        for (cohort, _), observations, amounts in self._active.drain():
            for name in self._activity:
                yield name, [((cohort, seen), observations, amounts)]
        for name, tally in self._counting:
            voices = tally.drain()
            if tally.capped:
                aside[name, Aside.CAPPED] += tally.capped
                tally.capped = 0
            if voices:
                yield name, voices

    def _drain_fields(self, number: int, callers: int) -> Iterator[Contribution]:
        for one in self._fields:
            for name, voices in one.drain(callers, self.aside):
                yield Contribution(name, voices, (number,))


_COUNTING: dict[str, Callable[[PublicLabels], CountTally]] = {"events": EventsTally, "versions": VersionTally}
