"""FieldVoices: the voices of one installation in a series that reads fields, those of pipelines and agents apart.

An event of which the client says that a pipeline or an agent ran the tool belongs to these; any other belongs to
people. Where no event of a series says so, but others of the installation do and name no person, all belong to its
cohort: a pipeline of version 2 says so once, by ``ci_detected``.
"""

from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from telemetry.published.field_tallies import new_tally
from telemetry.published.labels import PublicLabels
from telemetry.published.series import Series
from telemetry.published.tallies import REGULAR, Caller, FieldTally, Voice, cohort_of

_AUTOMATED_CALLERS = int(Caller.CI | Caller.AGENT)

SeriesVoices = tuple[str, list[Voice]]
"""The name of a series, and the voices of an installation in it."""


class Aside(StrEnum):
    """Why an event that a series could read is not in its numbers."""

    FIRST_DAY = "first_day"
    DEVELOPMENT = "development"
    UNREADABLE = "unreadable"
    CAPPED = "capped"
    # Of pipelines and agents: counted in the series beside, if there is one.
    AUTOMATED = "automated"


AsideCounts = Counter[tuple[str, Aside]]
"""Events that are set aside, by series and reason."""


class FieldVoices:
    """Collects the voices of one installation; it is emptied for each, and used again."""

    def __init__(self, series: Series, labels: PublicLabels) -> None:
        self.name = series.name
        self._beside = series.beside
        self._people = new_tally(series.name, labels)
        self._marked = new_tally(series.name, labels)
        self._callers = 0

    def add(self, version: Any, fields: Any, caller: int) -> None:
        """Take what was read of an event, and who ran the tool for it."""
        if caller & _AUTOMATED_CALLERS:
            self._callers |= caller
            self._marked.add(version, fields)
        else:
            self._people.add(version, fields)

    def drain(self, callers: int, aside: AsideCounts) -> Iterator[SeriesVoices]:
        """Return the voices; ``callers`` are all that the installation's events of the window name."""
        cohort, callers_marked = cohort_of(callers), self._callers
        self._callers = 0
        voices, capped = _drained(self._people)
        if cohort != REGULAR and not callers_marked:
            yield from self._apart(cohort, voices, capped, aside)
            return
        if capped:
            aside[self.name, Aside.CAPPED] += capped
        if voices:
            yield self.name, voices
        if callers_marked:
            yield from self._apart(cohort_of(callers_marked), *_drained(self._marked), aside)

    def _apart(self, cohort: str, voices: list[Voice], capped: int, aside: AsideCounts) -> Iterator[SeriesVoices]:
        aside[self.name, Aside.AUTOMATED] += _observations(voices) + capped
        if self._beside:
            aside[self._beside, Aside.CAPPED] += capped
            if voices:
                yield self._beside, [((cohort, *path), count, amounts) for path, count, amounts in voices]


def _drained(tally: FieldTally) -> tuple[list[Voice], int]:
    """Empty a tally; return its voices, and how many events it did not count."""
    voices, capped = tally.drain(), tally.capped
    tally.capped = 0
    return voices, capped


def _observations(voices: list[Voice]) -> int:
    return sum(count for _, count, _ in voices)
