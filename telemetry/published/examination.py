"""What `telemetry check` says of the public numbers that the log's own events make."""

import sqlite3
from collections.abc import Iterator

from telemetry.clock import column_time, day_of
from telemetry.operator_errors import OperatorError
from telemetry.published.due import LATE_S
from telemetry.published.overview import late_windows, lost_windows, uncorrected_windows
from telemetry.published.proof import Unproved, unproved
from telemetry.published.windows import PublicWindow
from telemetry.storage.aggregates.published_windows import RecordedWindow
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.maintenance.findings import Finding, Severity
from telemetry.wording import amount

WHEN_CORRECTED = "with the next publication, after the end of the next day that has events"
_SUBJECT = "published numbers"


def check_published(directory: DataDirectory, now: float) -> list[Finding]:
    """Find public numbers that are missing, that wait for a correction, or that differ from what they were made of."""
    try:
        late = late_windows(directory, day_of(column_time(now - LATE_S)))
        uncorrected = uncorrected_windows(directory)
        differing = unproved(directory)
        lost = lost_windows(directory)
    except (OperatorError, sqlite3.Error):
        # Another finding says what is wrong with the files.
        return []
    waiting = [one for one in uncorrected if one.state == "closing"]
    return [*map(_differing, differing), *_late(late), *_waiting(waiting), *_lost(lost)]


def _differing(one: Unproved) -> Finding:
    sentence = (
        f"{one.series} of the window from {one.start} counted {one.recorded:,} events, and its days hold "
        f"{one.counted:,}: a segment was changed after it was sealed, copy it back from a backup"
    )
    return Finding(Severity.ERROR, _SUBJECT, sentence)


def _late(late: list[PublicWindow]) -> Iterator[Finding]:
    if late:
        sentence = (
            f"{amount(len(late), 'window')} up to {late[-1].last_day} should have been published: the service does "
            "that while it runs, and its log says what is in the way"
        )
        yield Finding(Severity.WARNING, _SUBJECT, sentence)


def _waiting(waiting: list[RecordedWindow]) -> Iterator[Finding]:
    if waiting:
        last_day = max(one.last_day for one in waiting)
        sentence = (
            f"{amount(len(waiting), 'window')} up to {last_day} still count an excluded installation or deleted days: "
            f"nothing needs to be done, the service corrects them {WHEN_CORRECTED}"
        )
        yield Finding(Severity.NOTE, _SUBJECT, sentence)


def _lost(lost: list[PublicWindow]) -> Iterator[Finding]:
    if lost:
        sentence = (
            f"published.db lacks {amount(len(lost), 'window')} up to {lost[-1].last_day} that had been published: stop "
            "the service and copy published.db from the newest backup into the data directory; nothing needs to be "
            "done if they were published in development"
        )
        yield Finding(Severity.WARNING, _SUBJECT, sentence)
