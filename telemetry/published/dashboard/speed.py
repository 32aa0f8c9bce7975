"""Speed: how long scans take, by day and by version."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from telemetry.catalogue.versions import version_order
from telemetry.published.dashboard.adoption import WITHOUT_NUMBER
from telemetry.published.observations import INCREMENTAL_SCAN, SCAN
from telemetry.published.reading import PublicNumbers
from telemetry.published.scales import percentile_ms
from telemetry.published.series import OTHER_LABEL

PERCENTS = (50, 95, 99)
OBSERVATIONS_MIN = 20
"""Of fewer scans a version has no percentiles."""

Buckets = Counter[int]


@dataclass(frozen=True, slots=True)
class Speed:
    """How often each duration was observed, by day and by version, of full scans only.

    ``by_part`` has parses by language, native functions, and other parts of a scan.
    """

    by_day: Mapping[date, Buckets]
    by_version: Mapping[str, Buckets]
    by_part: Mapping[str, Buckets] = field(default_factory=dict)

    def day(self, day: date) -> tuple[float, ...] | None:
        """Return the percentiles of a day in milliseconds."""
        return percentiles(self.by_day.get(day, Counter()))

    def versions(self) -> Sequence[tuple[str, tuple[float, ...], int]]:
        """Return versions with their percentiles and how many scans they are of, newest first."""
        names = sorted((name for name in self.by_version if name != OTHER_LABEL), key=version_order, reverse=True)
        found = ((name, percentiles(self.by_version[name]), self.by_version[name].total()) for name in names)
        return [(name, known, total) for name, known, total in found if known and total >= OBSERVATIONS_MIN]

    def parts(self) -> Sequence[tuple[str, tuple[float, ...], int]]:
        """Return parts of scans with their percentiles and how many observations they are of, slowest first."""
        found = [(name, percentiles(buckets), buckets.total()) for name, buckets in self.by_part.items()]
        known = [(name, values, total) for name, values, total in found if values and total >= OBSERVATIONS_MIN]
        return sorted(known, key=lambda one: (-one[1][1], one[0]))

    def between(self, first: date, last: date) -> Buckets:
        """Return the durations of some days together."""
        return sum((buckets for day, buckets in self.by_day.items() if first <= day <= last), Buckets())


def speed(numbers: PublicNumbers, first: date, last: date) -> Speed:
    """Return the durations of full scans of the days from the first to the last."""
    by_day: defaultdict[date, Buckets] = defaultdict(Counter)
    by_version: defaultdict[str, Buckets] = defaultdict(Counter)
    by_part: defaultdict[str, Buckets] = defaultdict(Counter)
    for one in numbers.details("durations", first.isoformat(), last.isoformat()):
        what, version = one.key
        if what not in (SCAN, INCREMENTAL_SCAN, OTHER_LABEL):
            by_part[what][int(one.label[0])] += int(one.value)
        if what == SCAN and version != WITHOUT_NUMBER:
            bucket, observations = int(one.label[0]), int(one.value)
            by_day[date.fromisoformat(one.start)][bucket] += observations
            by_version[version][bucket] += observations
    return Speed(by_day, by_version, by_part)


def automated_scans(numbers: PublicNumbers, first: date, last: date) -> Buckets:
    """Return the durations of full scans in pipelines and by agents, of the days from the first to the last."""
    found = Buckets()
    for one in numbers.details("automated_durations", first.isoformat(), last.isoformat(), {"what": SCAN}):
        found[int(one.label[0])] += int(one.value)
    return found


def percentiles(buckets: Mapping[int, int], percents: Iterable[int] = PERCENTS) -> tuple[float, ...] | None:
    """Return the percentiles of some durations in milliseconds, None of nothing."""
    found = [percentile_ms(buckets.items(), percent) for percent in percents]
    return tuple(value for value in found if value is not None) or None
