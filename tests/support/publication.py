"""A publication made by hand: sixty days with a slow release, a category that is not approved, and a new version."""

import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

from telemetry.published.windows import Period, PublicWindow, windows_between
from telemetry.storage.sqlite.queries import query

FIRST, LAST = date(2026, 9, 7), date(2026, 11, 25)
OLD, NEW = "0.11.0", "0.11.1"
RELEASED = date(2026, 11, 10)
STEPS = ("0.00", "0.70", "0.85", "0.95")
# Approval by step.
APPROVAL = {"auth": (0.4, 0.6, 0.9, 0.95), "styling": (0.5, 0.7, 0.4, 0.5), "api": (0.3, 0.5, 0.8, 0.9)}


def write_publication(path: Path, *, last: date = LAST, voices: int = 60, label: str = "typescript") -> None:
    """Write public numbers from the first day to the last."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(query("published"))
        for window in windows_between(FIRST.isoformat(), last.isoformat()):
            if window.last_day <= last.isoformat():
                row = (window.period, window.start, window.last_day, 5, 1)
                connection.execute("INSERT INTO windows VALUES (?, ?, ?, ?, ?)", row)
                _FILL[window.period](connection, window, voices, label)
        connection.commit()


def _fill_day(connection: sqlite3.Connection, window: PublicWindow, _voices: int, _label: str) -> None:
    days = (date.fromisoformat(window.start) - RELEASED).days
    new = min(max(days + 1, 0) * 10, 90)
    for version, count in ((NEW, new), (OLD, 100 - new)):
        if count:
            connection.execute("INSERT INTO versions VALUES (?, 'regular', ?, ?)", (window.start, version, count))
            connection.execute(
                "INSERT INTO durations VALUES (?, 'scan', ?, ?, ?)", (window.start, version, count, 2 * count)
            )
            for bucket in (150, 160):
                row = (window.start, version, bucket + (10 if version == NEW else 0), count)
                connection.execute("INSERT INTO duration_buckets VALUES (?, 'scan', ?, ?, ?)", row)
    connection.execute("INSERT INTO versions VALUES (?, 'development', 'other', 7)", (window.start,))


def _fill_week(connection: sqlite3.Connection, window: PublicWindow, _voices: int, label: str) -> None:
    number = (date.fromisoformat(window.start) - FIRST) // timedelta(7)
    rows = [("regular", "new", 50), ("regular", "returning", 200 + 10 * number), ("development", "new", 9)]
    connection.executemany("INSERT INTO activity_weekly VALUES (?, ?, ?, ?)", [(window.start, *row) for row in rows])
    rows = [(label, "auth", 40), (label, "other", 6), ("python", "styling", 12), ("other", "other", 5)]
    connection.executemany("INSERT INTO patterns VALUES (?, ?, ?, ?)", [(window.start, *row) for row in rows])


def _fill_four_weeks(connection: sqlite3.Connection, window: PublicWindow, voices: int, _label: str) -> None:
    for category, shares in APPROVAL.items():
        for step, share in zip(STEPS, shares, strict=True):
            approve, squares = voices * share, voices * share * (0.5 + share / 2)
            actions = (approve, voices - approve, *(0,) * 7)
            row = (window.start, category, step, voices, *actions, squares, voices, approve, squares)
            connection.execute(f"INSERT INTO decisions VALUES ({', '.join('?' * len(row))})", row)
    for number in range(20):
        connection.execute("INSERT INTO signatures VALUES (?, 'auth', ?, 9, 6.5)", (window.start, f"{number:016x}"))


_FILL = {Period.DAY: _fill_day, Period.WEEK: _fill_week, Period.FOUR_WEEKS: _fill_four_weeks}


def drop_added(path: Path) -> None:
    """Drop the columns that were not there when windows were first published."""
    with closing(sqlite3.connect(path)) as connection:
        for table in ("decisions", "decisions_by_version", "decisions_by_bulk"):
            for column in ("judged", "accepted", "accepted_squares"):
                connection.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        connection.commit()
