"""What is gone from a data directory although the rest shows that it was there: aggregates, and segments."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from telemetry.operator_errors import DamagedError, NoDataError, OperatorError
from telemetry.storage.aggregates.segment_states import SEGMENT_STATES, SegmentState, missing
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.sqlite.database_files import LOG, SHARED_MEMORY
from telemetry.storage.sqlite.reading import read_only, reading
from telemetry.wording import amount, were

# Of a database file: where ``PRAGMA user_version`` is kept.
_HEADER_BYTES = 100
_VERSION_AT = 60
_VERSION = "PRAGMA user_version"
_LAST_ID = "SELECT max(seq) FROM sqlite_sequence WHERE name = 'events'"


def aggregates_loss(directory: DataDirectory) -> str | None:
    """Return what is wrong if the aggregates are missing or empty beside events, and what to do; None if nothing is.

    A first start that was killed leaves no events without aggregates: their schema is durable before the first segment.
    """
    if (fault := _fault(directory.aggregates)) is None:
        return None
    days = [day for day, path in directory.segments().items() if _may_hold_events(path)]
    if not days:
        return None
    name, count = directory.aggregates.name, amount(len(days), "day")
    return (
        f"{fault} beside events of {count}: the statistics of earlier days, signatures and exclusions would "
        f"be lost. Copy {name} of the newest backup there, remove {name}{LOG} and {name}{SHARED_MEMORY} if they exist, "
        "and start the service: it counts the events since. Without a backup, accept the loss with `telemetry migrate "
        "--accept-loss`: the next start counts the events that are there from scratch"
    )


def check_aggregates(directory: DataDirectory) -> None:
    """Raise ``DamagedError`` if the aggregates are missing or empty beside events."""
    if (sentence := aggregates_loss(directory)) is not None:
        raise DamagedError(f"{directory.aggregates} {sentence}")


@contextmanager
def reading_aggregates(directory: DataDirectory) -> Iterator[sqlite3.Connection]:
    """Open the aggregates as ``reading`` does; raise as ``check_aggregates`` does too."""
    check_aggregates(directory)
    with reading(directory.aggregates, "aggregates") as connection:
        yield connection


def missing_segments(directory: DataDirectory) -> list[SegmentState]:
    """Return the segments that are gone though nobody retired them, oldest first; a service may be running."""
    first = _missing(directory)
    if not first:
        return []
    # A day that began or was retired between two looks is not missing.
    again = {state.day for state in _missing(directory)}
    return [state for state in first if state.day in again]


def missing_sentence(state: SegmentState) -> str:
    """Return what is said of a missing segment, after its name."""
    events = f"{amount(state.events, 'event')} that {were(state.events)} counted"
    return (
        f"is missing with {events}: copy it back from a backup that has it; its numbers "
        "stay until then, and cannot be recounted"
    )


def _missing(directory: DataDirectory) -> list[SegmentState]:
    try:
        with reading(directory.aggregates, "aggregates") as connection:
            states = [SegmentState(*row) for row in connection.execute(SEGMENT_STATES)]
    except (NoDataError, DamagedError):
        # Whoever needs the aggregates reports that, or migrates them.
        return []
    return missing(states, directory.days())


def _fault(aggregates: Path) -> str | None:
    try:
        with aggregates.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except FileNotFoundError:
        return "is missing"
    except OSError:
        # Whoever needs the file reports that.
        return None
    # SQLite deletes the write-ahead log of an empty file when it opens it, be it to read.
    if not header:
        return "is empty"
    if any(header[_VERSION_AT : _VERSION_AT + 4]):
        return None
    # The version may still be in the write-ahead log.
    return "has no tables" if _answer(aggregates, _VERSION) == 0 else None


def _may_hold_events(segment: Path) -> bool:
    """Tell whether events were ever stored in a segment; one that cannot be read counts as one with events."""
    if not segment.exists() or not segment.stat().st_size or _answer(segment, _VERSION) == 0:
        return False
    return _answer(segment, _LAST_ID) != 0


def _answer(path: Path, sql: str) -> int | None:
    """Return the number that a query answers with, 0 for no number, or None if it cannot be answered."""
    try:
        with read_only(path) as connection:
            return int(connection.execute(sql).fetchone()[0] or 0)
    except (sqlite3.Error, OperatorError):
        return None
