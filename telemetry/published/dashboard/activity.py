"""Activity: how many installations there are in a week, and which of them come back."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from telemetry.published.reading import PublicNumbers
from telemetry.published.series import OTHER_LABEL
from telemetry.published.tallies import AGENT, CI, DEVELOPMENT, NEW, RETURNING
from telemetry.published.windows import Period

AUTOMATED = (CI, AGENT)


@dataclass(frozen=True, slots=True)
class ActiveWeek:
    """Installations of a week from Monday ``start``; builds from source, pipelines and agents are counted apart.

    ``unnamed`` installations are too few to publish whether they are new or returning.
    """

    start: date
    new: int
    returning: int
    development: int
    automated: int
    unnamed: int = 0

    @property
    def active(self) -> int:
        """All installations used by people."""
        return self.new + self.returning + self.unnamed


def active_weeks(numbers: PublicNumbers) -> list[ActiveWeek]:
    """Return the weeks that are complete, oldest first: none whose first days were before the first event."""
    first_day = min((window.start for window in numbers.windows(Period.DAY)), default="")
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for one in numbers.numbers("activity_weekly", first=first_day):
        cohort, seen = one.key
        key = cohort if cohort in (DEVELOPMENT, *AUTOMATED) else seen
        found[one.start][key] = found[one.start].get(key, 0) + one.installations
    return [
        ActiveWeek(
            date.fromisoformat(start), week.get(NEW, 0), week.get(RETURNING, 0), week.get(DEVELOPMENT, 0),
            sum(week.get(cohort, 0) for cohort in AUTOMATED), week.get(OTHER_LABEL, 0),
        )
        for start, week in sorted(found.items())
    ]  # fmt: skip


def split(weeks: Sequence[ActiveWeek], count: int | None) -> tuple[Sequence[ActiveWeek], Sequence[ActiveWeek]]:
    """Return the last ``count`` weeks, and as many before them: none if there are too few. None are all weeks."""
    if count is None:
        return weeks, []
    before = weeks[-2 * count : -count] if len(weeks) >= 2 * count else []
    return weeks[-count:], before
