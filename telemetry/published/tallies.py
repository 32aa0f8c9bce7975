"""Tallies: what one installation contributes to a series in a window. Each key has one voice of it.

A tally holds at most ``KEYS_MAX`` keys of an installation; what is beyond that or another cap is counted in ``capped``.
It is emptied for each installation, and used again.
"""

from collections.abc import Mapping
from enum import IntFlag
from typing import Any, Protocol

from telemetry.published.folding import Path
from telemetry.published.labels import LabelKind, PublicLabels
from telemetry.published.observations import SeenVersion, Timed
from telemetry.published.scales import BUCKETS, bucket_of

KEYS_MAX = 2_000
EVENTS_MAX = 1_000
"""Events of an installation and a day that the series ``events`` counts."""
DURATIONS_MAX = 20
"""Durations of an installation, a day and a kind that are counted."""
KINDS_MAX = 100
"""Kinds of durations of an installation and a day: scans, languages that are parsed, native functions."""
NEW, RETURNING = "new", "returning"
REGULAR, DEVELOPMENT, CI, AGENT = "regular", "development", "ci", "agent"
_BUCKETS = tuple(f"={bucket}" for bucket in range(BUCKETS))


Voice = tuple[Path, int, dict[str, int]]
"""What an installation contributes under one key: the key, how many observations, and amounts by name.

An amount of a further label is named ``kind=label``; the kind may be empty.
"""


class CountTally(Protocol):
    """The contribution of one installation to a series that reads no payload."""

    capped: int

    def add(self, types: Mapping[bytes, int], newest: SeenVersion) -> None:
        """Take events by stored type, in the order in which each was first received, and their newest version."""
        ...

    def drain(self) -> list[Voice]:
        """Return one voice for each key, and begin again."""
        ...


class FieldTally(Protocol):
    """The contribution of one installation to a series that reads payloads of certain types."""

    capped: int

    def add(self, version: SeenVersion, fields: Any) -> None:
        """Take an event of these types; they come in the order in which they were received."""
        ...

    def drain(self) -> list[Voice]:
        """Return one voice for each key, and begin again."""
        ...


class EventsTally:
    """Events by type; one day's."""

    def __init__(self, labels: PublicLabels) -> None:
        self.capped = 0
        self._shown = labels.shown_as(LabelKind.TYPE)
        self._counts: dict[str, int] = {}

    def add(self, types: Mapping[bytes, int], _newest: SeenVersion) -> None:
        """Count events."""
        for event_type, count in types.items():
            shown = self._shown(event_type.decode(errors="replace"))
            counted = self._counts.get(shown)
            if counted is None and len(self._counts) >= KEYS_MAX:
                self.capped += count
            else:
                self._counts[shown] = (counted or 0) + count

    def drain(self) -> list[Voice]:
        """Return one voice for each type; together they have at most ``EVENTS_MAX`` events."""
        left = EVENTS_MAX
        voices: list[Voice] = []
        for shown, count in self._counts.items():
            taken = min(count, left)
            left -= taken
            voices.append(((shown,), count, {"events": taken}))
        self._counts.clear()
        return voices


class Caller(IntFlag):
    """Who ran the tool, as far as its events say."""

    CI = 1
    AGENT = 2
    HUMAN = 4


class VersionTally:
    """The newest version that an installation reported, and its cohort, the first level of a series.

    Builds from source are ``development``. An installation that a person used, or that does not say who used it, is
    ``regular``. Of the others, those that ran in a pipeline are ``ci``, and the rest are ``agent``.
    """

    def __init__(self, _labels: PublicLabels) -> None:
        self.capped = 0
        self._callers = 0
        self._newest: SeenVersion | None = None
        self._observations = 0

    def add(self, types: Mapping[bytes, int], newest: SeenVersion) -> None:
        """Take the newest version of some events."""
        self._observations += sum(types.values())
        if self._newest is None or newest > self._newest:
            self._newest = newest

    def called_by(self, caller: int) -> None:
        """Note who ran the tool for an event."""
        self._callers |= caller

    def drain(self) -> list[Voice]:
        """Return the only voice."""
        newest, observations, callers = self._newest, self._observations, self._callers
        self._newest, self._observations, self._callers = None, 0, 0
        if newest is None:
            return []
        cohort = DEVELOPMENT if newest.is_development else cohort_of(callers)
        return [((cohort, newest.shown), observations, {})]


def cohort_of(callers: int) -> str:
    """Return the cohort of an installation whose events name some callers."""
    if not callers or callers & Caller.HUMAN:
        return REGULAR
    return CI if callers & Caller.CI else AGENT


class DurationsTally:
    """Durations by kind and version, one day's."""

    def __init__(self, labels: PublicLabels) -> None:
        self.capped = 0
        self._shown = labels.shown
        self._taken: dict[str, int] = {}
        self._amounts: dict[Path, dict[str, int]] = {}

    def add(self, version: SeenVersion, fields: Timed) -> None:
        """Count the duration of a scan, a parse or a call."""
        what = fields.what(self._shown)
        taken = self._taken.get(what, 0)
        # At most 20 of a kind, so there are no more than 20 keys for each.
        if taken >= DURATIONS_MAX or (not taken and len(self._taken) >= KINDS_MAX):
            self.capped += 1
            return
        self._taken[what] = taken + 1
        path = (what, version.shown)
        amounts = self._amounts.get(path)
        if amounts is None:
            amounts = self._amounts[path] = {"observations": 0}
        bucket = _BUCKETS[bucket_of(fields.milliseconds)]
        amounts["observations"] += 1
        amounts[bucket] = amounts.get(bucket, 0) + 1

    def drain(self) -> list[Voice]:
        """Return one voice for each kind and version."""
        voices: list[Voice] = [(path, amounts["observations"], amounts) for path, amounts in self._amounts.items()]
        self._taken.clear()
        self._amounts.clear()
        return voices
