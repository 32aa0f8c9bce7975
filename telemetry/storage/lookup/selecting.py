"""One statement over the aggregates and, as the view ``events``, over the raw events of some days."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from telemetry.operator_errors import DamagedError, InUseError, NoDataError, OperatorError, UnavailableError
from telemetry.storage.aggregates.loss import reading_aggregates
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.log.reader import LogReader
from telemetry.storage.sqlite.copying import damage
from telemetry.storage.sqlite.database import LOCK_WAIT_S
from telemetry.storage.sqlite.errors import DAMAGED, damage_sentence, explaining, failure, primary_code
from telemetry.storage.sqlite.queries import query
from telemetry.storage.sqlite.reading import held_still, read_only, readable_uri
from telemetry.storage.sqlite.statements import (
    Connection,
    ResultSet,
    ShouldStop,
    StandardConnection,
    StatementError,
    StatementInterrupted,
)
from telemetry.wording import extra_advice

# Their extended codes are about files, not about the statement.
_REFUSED = {sqlite3.SQLITE_AUTH, sqlite3.SQLITE_READONLY}
# Python's own objections, to two statements at once for example, have no code.
_NOT_ANSWERED = {0, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_RANGE, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG}


@contextmanager
def selecting(directory: DataDirectory, days: Sequence[str], sql: str, stop: ShouldStop) -> Iterator[ResultSet]:
    """Begin a statement, and give its answer as it is found; days without a segment have no events.

    While the answer is read, the files have a reader: their WALs grow. Raises ``StatementError``,
    ``StatementInterrupted`` and ``OperatorError``, also while the rows are read.
    """
    log = LogReader(directory)
    segments = {day: log.path(day) for day in days if log.complete(day)}
    with (
        ExitStack() as stack,
        _connected(directory, len(segments)) as connection,
        _explaining([directory.aggregates, *segments.values()]),
    ):
        attached = [day for day, path in segments.items() if _attach(connection, day, path, stack)]
        selects = [query("select_segment_events").format(day=day) for day in attached]
        events = " UNION ALL ".join(selects) or query("select_no_events")
        connection.execute(f"CREATE TEMP VIEW events AS {events}")
        connection.execute("PRAGMA query_only = 1")
        answer = connection.answer(sql, stop)
        if not answer.columns:
            raise StatementError("it selects nothing")
        yield answer


@contextmanager
def _connected(directory: DataDirectory, segments: int) -> Iterator[Connection]:
    with reading_aggregates(directory) as own:
        # Proves that there is a schema.
        own.execute("SELECT revision FROM state").fetchall()
        standard = StandardConnection(own)
        if segments <= standard.attached_max:
            yield standard
            return
    # Only now: a process must not have one file open with two SQLites.
    try:
        from telemetry.storage.sqlite.apsw_connection import ApswConnection  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise _too_many(segments, standard.attached_max) from None
    uri = readable_uri(directory.aggregates, wait_s=LOCK_WAIT_S)
    with held_still(directory.aggregates, uri), closing(ApswConnection(uri)) as wide:
        if segments > wide.attached_max:
            raise _too_many(segments, wide.attached_max)
        yield wide


def _too_many(segments: int, attached_max: int) -> OperatorError:
    return UnavailableError(
        f"the days asked for have {segments} segments, and this SQLite attaches {attached_max} files at once: ask for "
        f"fewer days, use `telemetry export`, or, for 125 days, {extra_advice('query', 'apsw')}"
    )


def _attach(connection: Connection, day: str, path: Path, stack: ExitStack) -> bool:
    try:
        with explaining(path):
            uri = readable_uri(path, wait_s=LOCK_WAIT_S)
            stack.enter_context(held_still(path, uri))
            connection.execute("ATTACH ? AS ?", (uri, day))
    except (NoDataError, FileNotFoundError):
        # Retention has removed it just now.
        return False
    return True


@contextmanager
def _explaining(paths: list[Path]) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        code = primary_code(error)
        if code == sqlite3.SQLITE_INTERRUPT:
            raise StatementInterrupted from error
        if getattr(error, "sqlite_errorcode", 0) in _REFUSED:
            raise StatementError("it may only read") from error
        if code in _NOT_ANSWERED:
            raise StatementError(str(error)) from error
        if code in DAMAGED:
            raise _damage(paths, error) from error
        if code == sqlite3.SQLITE_BUSY:
            raise InUseError("a segment of these days is being sealed: try again in a minute") from error
        raise failure(error, "one of the databases") or error from error


def _damage(paths: list[Path], error: sqlite3.Error) -> DamagedError:
    """Find which file it is: SQLite does not say."""
    for path in paths:
        with read_only(path) as connection:
            if found := damage(connection):
                return DamagedError(f"{path} {damage_sentence(found)}")
    return DamagedError(f"one of {len(paths)} files is damaged ({error}): restore it from a backup")
