"""Releases of Drift: a new one every week or two, each a little faster than the one before, but for one."""

import random
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

_DAYS_BETWEEN = (6, 13)
_RELEASES_BEFORE = 4
_FASTER_EACH = 0.985
_SLOWED_DOWN = 1.7
# What releases before 0.9.48 called themselves, and what a build from a checkout does.
UNNUMBERED = "0.0.1"
_CHECKOUT = "0.0.0"
_FIRST_PATCH = 48
_PATCHES = 4


@dataclass(frozen=True, slots=True)
class Release:
    """A version, the simulated day of its release, and how long its scans take beside those of others."""

    version: str
    day: int
    slowness: float


class Releases:
    """The releases of so many days and of some weeks before. One of them is slow, and the next one mends it."""

    def __init__(self, chosen: random.Random, days: int) -> None:
        release_days = [-_RELEASES_BEFORE * sum(_DAYS_BETWEEN) // 2]
        while release_days[-1] < days:
            release_days.append(release_days[-1] + chosen.randint(*_DAYS_BETWEEN))
        # In the later half, where both it and its successor are in use for a while.
        slow = next(number for number, day in enumerate(release_days) if day >= days // 2)
        self._days = release_days
        self._releases = [
            Release(_version(number), day, _FASTER_EACH**number * (_SLOWED_DOWN if number == slow else 1))
            for number, day in enumerate(release_days)
        ]

    def newest(self, day: int) -> Release:
        """Return the newest release of a day; the first before there was one."""
        return self._releases[max(bisect_right(self._days, day) - 1, 0)]

    def measured(self, day: int) -> Iterator[tuple[int, Release]]:
        """Return the releases that are measured on a day, with their numbers: those of the day, on day 0 all before."""
        for number, release in enumerate(self._releases):
            if release.day == day or (not day and release.day < 0):
                yield number, release

    def unreleased(self, day: int) -> Release:
        """Return what a developer of Drift runs on a day: what will be the next release, or a plain checkout."""
        following = self._releases[min(bisect_right(self._days, day), len(self._releases) - 1)]
        version = f"{following.version}-dev" if day % 2 else _CHECKOUT
        return Release(version, day, following.slowness)

    def unnumbered(self) -> Release:
        """Return a release from before versions had numbers of their own."""
        return Release(UNNUMBERED, self._days[0], 1 / _FASTER_EACH)


def _version(number: int) -> str:
    """Return the version of the n-th release: 0.9.48, 0.9.49, and from then on four for each minor version."""
    if number < 2:  # noqa: PLR2004
        return f"0.9.{_FIRST_PATCH + number}"
    minor, patch = divmod(number - 2, _PATCHES)
    return f"0.{10 + minor}.{patch}"
