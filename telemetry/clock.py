"""Time, as it is handed to whatever needs it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

# The month in which this program was made: a clock that says an earlier time is wrong. A constant, because installed
# files get their times from the clock in question. A test fails when it is far behind the program's last change.
BUILT_AT = datetime(2026, 11, 1, tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True)
class Clock:
    """``now`` is the wall clock in Unix seconds, which may jump; ``monotonic`` counts seconds and never does.

    A wall clock that says a time before ``not_before`` is wrong. ``timeout`` returns what ``asyncio.wait_for`` takes to
    wait for so many seconds: those, or None for a clock that stands still.
    """

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    not_before: float = BUILT_AT
    timeout: Callable[[float], float | None] = float


def instant(seconds: float) -> datetime:
    """Return Unix seconds as a UTC time."""
    return datetime.fromtimestamp(seconds, UTC)


def iso_milliseconds(seconds: float) -> str:
    """Return Unix seconds the way clients write time: 2026-11-23T16:22:38.222Z."""
    return instant(seconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def column_time(seconds: float) -> str:
    """Return Unix seconds the way SQLite's ``datetime('now')`` writes time."""
    return instant(seconds).strftime("%Y-%m-%d %H:%M:%S")


def column_seconds(text: str) -> float:
    """Return the Unix seconds that ``column_time`` wrote."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def day_of(text: str) -> str:
    """Return the UTC day of what ``column_time`` wrote."""
    return text[:10]
