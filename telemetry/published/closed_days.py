"""ClosedDays: what the public statistics say of closed days, read from ``published.db`` when it was replaced."""

import threading
from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

import msgspec

from telemetry.catalogue.events import KNOWN_EVENTS
from telemetry.published.contributions import threshold_in
from telemetry.published.fitting import fitted
from telemetry.published.live import PERIOD_DAYS, Stats, by_days
from telemetry.published.reading import Number, PublicNumbers, reading_published
from telemetry.published.series import OTHER_LABEL
from telemetry.published.tallies import NEW
from telemetry.published.windows import Period

Stamp = tuple[int, int, int]
"""What tells a file from the one that replaces it."""
_KNOWN = frozenset(f"events:{event_type}" for event_type in KNOWN_EVENTS)
_OTHER_EVENTS = f"events:{OTHER_LABEL}"
_ACTIVITY = ("activity_daily", "activity_weekly", "activity_four_weekly")


class ClosedNumbers(msgspec.Struct, frozen=True):
    """Sums over the last thirty closed days: installation-days, and installations by version, language and category.

    They fit into an answer, and ``folded`` is what was done for that. Languages and categories are of the closed weeks
    among these days, one voice of each installation a week. Active installations are those of the last closed day, week
    and four weeks.
    """

    as_of: str | None = None
    metrics: dict[str, int] = {}
    folded: dict[str, int] = {}
    active: tuple[int, int, int] = (0, 0, 0)


class ClosedDays:
    """The numbers of closed days. Reading them waits for a disk; ``stamp`` tells when there are new ones."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: tuple[Stamp | None, ClosedNumbers] = (None, ClosedNumbers())
        self._reading = threading.Lock()

    def stamp(self) -> Stamp | None:
        """Return what tells the present file from others, or None if there is none."""
        return file_stamp(self._path)

    def numbers(self) -> ClosedNumbers:
        """Return the numbers; raise ``sqlite3.Error`` or ``OSError`` if the file cannot be read."""
        with self._reading:
            stamp = self.stamp()
            if stamp != self._read[0]:
                with reading_published(self._path) as published:
                    self._read = (stamp, ClosedNumbers() if published is None else _sum(published))
            return self._read[1]


def closed_days(published: Path, *, environment: str) -> ClosedDays | None:
    """Return the closed days that the public statistics are read from; None where one installation is enough."""
    return None if threshold_in(environment) == 1 else ClosedDays(published)


def file_stamp(path: Path) -> Stamp | None:
    """Return what tells a file from the one that replaces it, or None if there is no file."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def public_stats(sums: Iterable[tuple[str, int]], closed: ClosedNumbers) -> Stats:
    """Return what the public may see: live events by known type, and all else of closed days."""
    events: Counter[str] = Counter()
    for metric, total in sums:
        events[metric if metric in _KNOWN else _OTHER_EVENTS] += total
    metrics, folded = fitted([*events.items(), *closed.metrics.items()])
    folded = dict(sorted((Counter(folded) + Counter(closed.folded)).items()))
    return Stats(events.total(), metrics, by_days(closed.active), labels_as_of=closed.as_of, folded=folded)


def _sum(published: PublicNumbers) -> ClosedNumbers:
    last = published.complete_up_to()
    if last is None:
        return ClosedNumbers()
    first = (date.fromisoformat(last) - timedelta(days=PERIOD_DAYS - 1)).isoformat()
    metrics: Counter[str] = Counter()
    for number in published.numbers("versions", first, last):
        metrics[f"version:{number.key[1]}"] += number.installations
    for number in published.numbers("patterns", first, last):
        metrics[f"language:{number.key[0]}"] += number.installations
        metrics[f"category:{number.key[1]}"] += number.installations
    for number in published.numbers("activity_daily", first, last):
        metrics["unique_installations"] += number.installations
        metrics["new_installations"] += number.installations if number.key[1] == NEW else 0
    periods = zip(_ACTIVITY, Period, strict=True)
    daily, weekly, four_weekly = (_active(published, name, period, first) for name, period in periods)
    return ClosedNumbers(last, *fitted(metrics.items()), (daily, weekly, four_weekly))


def _active(published: PublicNumbers, name: str, period: Period, first: str) -> int:
    windows = [window.start for window in published.windows(period) if window.last_day >= first]
    if not windows:
        return 0
    numbers: Iterable[Number] = published.numbers(name, windows[-1], windows[-1])
    return sum(number.installations for number in numbers)
