"""Subjects: what a page about one category, language or version says, read from the published numbers."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from telemetry.published.approval import TARGET, Approval, approval_of
from telemetry.published.dashboard.adoption import Adoption
from telemetry.published.dashboard.confidence import Confidence, confidence_of
from telemetry.published.dashboard.findings import Findings
from telemetry.published.dashboard.speed import OBSERVATIONS_MIN, percentiles, speed
from telemetry.published.reading import Number, PublicNumbers
from telemetry.published.series import OTHER_LABEL
from telemetry.published.thresholds import CategoryThreshold, thresholds
from telemetry.published.windows import Period, PublicWindow

WATCHED_DAYS = 3
"""How many days a release is watched for: 72 hours, as days are the smallest windows."""


@dataclass(frozen=True, slots=True)
class CategorySubject:
    """A category: its approval by step in the newest four weeks, its threshold, its course, and its languages.

    ``course`` has the last day of each four weeks with the approval at high confidence.
    """

    category: str
    last_day: str | None
    steps: Sequence[tuple[str, Approval]]
    threshold: CategoryThreshold | None
    course: Sequence[tuple[date, Approval | None]]
    languages: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class LanguageSubject:
    """A language: the installations with patterns of each category, by week."""

    language: str
    weeks: Sequence[date]
    categories: Mapping[str, Sequence[int | None]]

    @property
    def most_found(self) -> tuple[list[str], int, date] | None:
        """The named categories with most installations in a week, how many those are, and the week's last day.

        It is the newest week that has a named category; None if there is none.
        """
        for place in reversed(range(len(self.weeks))):
            found = {name: count for name, counts in self.categories.items()
                     if name != OTHER_LABEL and (count := counts[place]) is not None}  # fmt: skip
            if found:
                most = max(found.values())
                names = sorted(name for name, count in found.items() if count == most)
                return names, most, self.weeks[place] + timedelta(6)
        return None


@dataclass(frozen=True, slots=True)
class VersionSubject:
    """A version beside the one before: shares by day since the first, percentiles of scans, approval.

    With ``days_max`` it is about so many days of each from its first on.
    """

    version: str
    before: str | None
    first_day: date
    shares: Sequence[tuple[int, float | None, float | None]]
    scans: Mapping[str, tuple[tuple[float, ...], int]]
    approvals: Mapping[str, Approval]

    @property
    def newest_share(self) -> tuple[int, float] | None:
        """The last day that a share is known of, counted from 1, and the share."""
        return next(((day, own) for day, own, _ in reversed(self.shares) if own is not None), None)


def category_subject(numbers: PublicNumbers, week: Findings | None, category: str) -> CategorySubject | None:
    """Return what is known of a category, None if nothing is."""
    by_window: defaultdict[str, list[Number]] = defaultdict(list)
    for one in numbers.numbers("decisions"):
        if one.key[0] == category and one.key[1] != OTHER_LABEL:
            by_window[one.start].append(one)
    languages = [(name, counts[category]) for name, counts in (week.by_language if week else {}).items()
                 if category in counts]  # fmt: skip
    if not (by_window or languages) or category == OTHER_LABEL:
        return None
    start = max(by_window, default=None)
    newest = by_window[start] if start is not None else []
    steps = [(one.key[1], approval) for one in newest if (approval := approval_of([one]))]
    high = ((start, [one for one in rows if confidence_of(one.key[1]) is Confidence.HIGH])
            for start, rows in sorted(by_window.items()))  # fmt: skip
    return CategorySubject(
        category,
        PublicWindow(Period.FOUR_WEEKS, start).last_day if start is not None else None,
        steps,
        next(iter(thresholds(newest, TARGET)), None),
        [(date.fromisoformat(start), approval_of(rows)) for start, rows in high],
        sorted(languages, key=lambda one: (-one[1], one[0])),
    )


def language_subject(numbers: PublicNumbers, language: str) -> LanguageSubject | None:
    """Return what is known of a language, None if nothing is."""
    weeks = [window.start for window in numbers.windows(Period.WEEK)]
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for one in numbers.numbers("patterns"):
        if one.key[0] == language:
            found[one.key[1]][one.start] = one.installations
    if not found or language == OTHER_LABEL:
        return None
    first = min(min(counts) for counts in found.values())
    shown = [start for start in weeks if start >= first]
    order = sorted(found, key=lambda name: (name == OTHER_LABEL, -max(found[name].values()), name))
    return LanguageSubject(
        language,
        [date.fromisoformat(start) for start in shown],
        {name: [found[name].get(start) for start in shown] for name in order},
    )


def version_subject(
    numbers: PublicNumbers, adoption: Adoption, version: str, days_max: int | None = None
) -> VersionSubject | None:
    """Return what is known of a version, None if it is not one that was released."""
    first_days = {one.version: one.first_day for one in adoption.releases}
    if version not in first_days:
        return None
    before = adoption.before(version)
    last = max(adoption.days)
    own = first_days[version]
    count = (last - own).days + 1
    count = min(count, days_max) if days_max is not None else count
    shares = [
        (
            number + 1,
            _share(adoption, version, own + timedelta(number)),
            _share(adoption, before, first_days[before] + timedelta(number)) if before is not None else None,
        )
        for number in range(count)
    ]
    names = [version] if before is None else [version, before]
    scans = {}
    for name in names:
        until = last if days_max is None else first_days[name] + timedelta(days_max - 1)
        durations = speed(numbers, first_days[name], until).by_version.get(name, Counter[int]())
        known = percentiles(durations)
        if known is not None and durations.total() >= OBSERVATIONS_MIN:
            scans[name] = (known, durations.total())
    return VersionSubject(version, before, own, shares, scans, _approvals(numbers, names))


def _share(adoption: Adoption, version: str, day: date) -> float | None:
    """Return a share, None on a day on which too few had the version to name it."""
    counts = adoption.days.get(day, {})
    return counts[version] / sum(counts.values()) if version in counts else None


def _approvals(numbers: PublicNumbers, names: Sequence[str]) -> dict[str, Approval]:
    """Return the approval of versions in the newest four weeks in which each has voices."""
    newest = {one.key[0]: one for one in numbers.numbers("decisions_by_version")}
    return {name: approval for name in names if name in newest and (approval := approval_of([newest[name]]))}
