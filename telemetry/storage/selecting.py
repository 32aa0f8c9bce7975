"""One statement over the aggregates and, as the view ``events``, over the raw events of some days."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from telemetry.errors import DataDamagedError, LockHeldError, StartError
from telemetry.storage.data_directory import DataDirectory
from telemetry.storage.database import DAMAGED, primary_code, read_only_uri
from telemetry.storage.log_reader import LogReader
from telemetry.storage.queries import query
from telemetry.storage.reading import read_only, reading
from telemetry.storage.statements import (
    Answer,
    Connection,
    Progress,
    StandardConnection,
    StatementError,
    StatementInterrupted,
)

_REFUSED = {sqlite3.SQLITE_AUTH, sqlite3.SQLITE_READONLY}
# Python's own objections, to two statements at once for example, have no code.
_NOT_ANSWERED = {0, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_RANGE, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG}


@contextmanager
def selecting(directory: DataDirectory, days: Sequence[str], sql: str, stop: Progress) -> Iterator[Answer]:
    """Begin a statement, and give its answer as it is found; days without a segment have no events.

    While the answer is read, the files have a reader: their WALs grow. Raises ``StatementError``,
    ``StatementInterrupted`` and ``StartError``, also while the rows are read.
    """
    log = LogReader(directory)
    segments = {day: log.path(day) for day in days if log.complete(day)}
    with _connected(directory, len(segments)) as connection, _explaining([directory.aggregates, *segments.values()]):
        selects = [query("select_segment_events").format(day=day) for day in _attach(connection, segments)]
        events = " UNION ALL ".join(selects) or query("select_no_events")
        connection.execute(f"CREATE TEMP VIEW events AS {events}")
        connection.execute("PRAGMA query_only = 1")
        answer = connection.answer(sql, stop)
        if not answer.columns:
            raise StatementError("it selects nothing")
        yield answer


@contextmanager
def _connected(directory: DataDirectory, segments: int) -> Iterator[Connection]:
    with reading(directory.aggregates, "aggregates") as own:
        # Proves that there is a schema.
        own.execute("SELECT revision FROM state").fetchall()
        standard = StandardConnection(own)
        if segments <= standard.attached_max:
            yield standard
            return
    # Only now: a process must not have one file open with two SQLites.
    try:
        from telemetry.storage.many_attached import ApswConnection  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise _too_many(segments, standard.attached_max) from None
    with closing(ApswConnection(directory.aggregates)) as wide:
        if segments > wide.attached_max:
            raise _too_many(segments, wide.attached_max)
        yield wide


def _too_many(segments: int, attached_max: int) -> StartError:
    return StartError(
        f"the days asked for have {segments} segments, and this SQLite attaches {attached_max} files at once: ask for "
        "fewer days, install the extra `query` (drift-telemetry[query]), which attaches 125, or use `telemetry export`"
    )


def _attach(connection: Connection, segments: dict[str, Path]) -> Iterator[str]:
    for day, path in segments.items():
        try:
            connection.execute("ATTACH ? AS ?", (read_only_uri(path), day))
        except sqlite3.OperationalError:
            # Retention may have removed it just now.
            if path.exists():
                raise
        else:
            yield day


@contextmanager
def _explaining(paths: list[Path]) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        code = primary_code(error)
        if code == sqlite3.SQLITE_INTERRUPT:
            raise StatementInterrupted from error
        if code in _REFUSED:
            raise StatementError("it may only read") from error
        if code in _NOT_ANSWERED:
            raise StatementError(str(error)) from error
        if code == sqlite3.SQLITE_BUSY:
            raise LockHeldError("a segment of these days is being sealed: try again in a minute") from error
        if code in DAMAGED:
            raise _damage(paths, error) from error
        raise


def _damage(paths: list[Path], error: sqlite3.Error) -> DataDamagedError:
    """Find which file it is: SQLite does not say."""
    for path in paths:
        with read_only(path) as connection:
            if connection.execute("PRAGMA quick_check(1)").fetchall() != [("ok",)]:
                return DataDamagedError(f"{path} is damaged: move it away and restore it from a backup")
    return DataDamagedError(f"one of {len(paths)} files is damaged ({error}): restore it from a backup")
