"""Adoption: which versions are in use by day, when each was released, and how fast it was taken up."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from telemetry.catalogue.versions import is_development, version_order
from telemetry.published.dashboard.activity import AUTOMATED
from telemetry.published.reading import PublicNumbers
from telemetry.published.series import OTHER_LABEL
from telemetry.published.tallies import DEVELOPMENT

_HALF = 0.5
# What releases before 0.9.48 called themselves, all of them.
WITHOUT_NUMBER = "0.0.1"


@dataclass(frozen=True, slots=True)
class Adopted:
    """A version: the first day it was seen on by enough installations, and the days from then to half of them all."""

    version: str
    first_day: date
    days_to_half: int | None


@dataclass(frozen=True, slots=True)
class Adoption:
    """Installations by day and version, without builds from source, pipelines and agents, which are counted apart."""

    days: Mapping[date, Mapping[str, int]]
    development: Mapping[date, int]
    automated: Mapping[date, int]
    releases: tuple[Adopted, ...]

    @property
    def newest(self) -> Adopted | None:
        """The newest release."""
        return self.releases[-1] if self.releases else None

    def before(self, version: str) -> str | None:
        """Return the release before one."""
        names = [one.version for one in self.releases]
        place = names.index(version) if version in names else 0
        return names[place - 1] if place else None


def adoption(numbers: PublicNumbers) -> Adoption:
    """Return the versions of all days."""
    days: defaultdict[date, Counter[str]] = defaultdict(Counter)
    development, automated = Counter[date](), Counter[date]()
    for one in numbers.numbers("versions"):
        day, (cohort, version) = date.fromisoformat(one.start), one.key
        if cohort == DEVELOPMENT:
            development[day] += one.installations
        elif cohort in AUTOMATED:
            automated[day] += one.installations
        else:
            days[day][version] += one.installations
    return Adoption(days, development, automated, tuple(releases(days)))


def releases(days: Mapping[date, Mapping[str, int]]) -> list[Adopted]:
    """Return versions in their order; one that was there on the first day was released before."""
    first_seen: dict[str, date] = {}
    for day in sorted(days):
        for version in days[day]:
            first_seen.setdefault(version, day)
    named = [version for version in first_seen if version not in (OTHER_LABEL, WITHOUT_NUMBER)]
    return [
        Adopted(version, first_seen[version], _days_to_half(version, first_seen[version], days))
        for version in sorted((one for one in named if not is_development(one)), key=version_order)
    ]


def _days_to_half(version: str, first: date, days: Mapping[date, Mapping[str, int]]) -> int | None:
    if first - timedelta(1) not in days:
        return None
    for day in sorted(day for day in days if day >= first):
        if days[day].get(version, 0) >= _HALF * sum(days[day].values()):
            return (day - first).days + 1
    return None
