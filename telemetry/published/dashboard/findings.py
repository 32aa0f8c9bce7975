"""Findings: which categories of patterns are found in which languages, and how the data set grows."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from telemetry.published.reading import PublicNumbers
from telemetry.published.series import OTHER_LABEL
from telemetry.published.windows import Period


@dataclass(frozen=True, slots=True)
class Findings:
    """Installations of one week by language and category, the most frequent languages first."""

    start: str
    last_day: str
    by_language: Mapping[str, Mapping[str, int]]

    @property
    def categories(self) -> Sequence[str]:
        """The categories with names, the most frequent first."""
        totals: defaultdict[str, int] = defaultdict(int)
        for counts in self.by_language.values():
            for category, count in counts.items():
                totals[category] += count
        return sorted((one for one in totals if one != OTHER_LABEL), key=lambda one: (-totals[one], one))


@dataclass(frozen=True, slots=True)
class Growth:
    """Signatures that enough installations have in common: how many, by four weeks, and how many were new then."""

    start: str
    last_day: str
    signatures: int
    first_seen: int


def findings(numbers: PublicNumbers) -> Findings | None:
    """Return what was found in the last week that is published."""
    weeks = numbers.windows(Period.WEEK)
    for week in reversed(weeks):
        found: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for one in numbers.numbers("patterns", week.start, week.start):
            found[one.key[0]][one.key[1]] = one.installations
        if found:
            order = sorted(found, key=lambda one: (one == OTHER_LABEL, -max(found[one].values()), one))
            return Findings(week.start, week.last_day, {language: found[language] for language in order})
    return None


def growth(numbers: PublicNumbers) -> list[Growth]:
    """Return how the data set grew, oldest first."""
    known: set[tuple[str, ...]] = set()
    grown = []
    for window in numbers.windows(Period.FOUR_WEEKS):
        own = {one.key for one in numbers.numbers("signatures", window.start, window.start)}
        own = {key for key in own if OTHER_LABEL not in key}
        grown.append(Growth(window.start, window.last_day, len(own), len(own - known)))
        known |= own
    return grown
