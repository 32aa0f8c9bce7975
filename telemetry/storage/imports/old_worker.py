"""The old worker's data, opened for reading: a database file with its WAL beside it, or an export as SQL.

Neither is changed. An export is read some rows at a time and needs no room on the disk.
"""

import shutil
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from telemetry.operator_errors import DamagedError
from telemetry.storage.imports.rows import OldRow
from telemetry.storage.imports.statements import CHARACTERS_MAX, CutOffError, is_needed, statements
from telemetry.storage.sqlite.copying import Progress, damage, no_progress
from telemetry.storage.sqlite.database_files import JOURNAL, LOG, MAGIC, beside, immutable_uri
from telemetry.storage.sqlite.errors import primary_code
from telemetry.storage.sqlite.queries import query

_HEAD_BYTES = 512
_ROWS = 1_000
_COUNTERS = "SELECT date, metric, value FROM daily_stats ORDER BY date, value DESC, metric"
# The tables whose rows an export without its schema may have.
_TABLES = ("events", "daily_stats")
_CREATE_COUNTERS = "CREATE TABLE daily_stats (id INTEGER PRIMARY KEY, date, metric, value DEFAULT 0)"

_ALLOWED = {
    sqlite3.SQLITE_CREATE_TABLE,
    sqlite3.SQLITE_INSERT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_REINDEX,
}
# With these errors, the fault is this host's, not the export's.
_NOT_OF_THE_EXPORT = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_CANTOPEN}


class OldData(ABC):
    """The old worker's events and counters. Read all events first, then the counters."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        connection.text_factory = _text

    @abstractmethod
    def events(self) -> Iterator[list[OldRow]]:
        """Return the events, some at a time; raise ``DamagedError``."""

    def counters(self) -> Iterator[tuple[Any, ...]]:
        """Return the rows of ``daily_stats``, if there are any: date, metric and value."""
        if self._has("daily_stats"):
            yield from self._connection.execute(_COUNTERS)

    def _has(self, table: str) -> bool:
        sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND lower(name) = ?"
        return self._connection.execute(sql, (table,)).fetchone() is not None

    def _read(self) -> sqlite3.Cursor:
        try:
            return self._connection.execute(query("read_old_events"))
        except sqlite3.OperationalError as error:
            raise DamagedError(f"{self._path} is no data of the old worker ({error}): choose its export") from error


class _Database(OldData):
    def __init__(self, connection: sqlite3.Connection, path: Path, on_bytes: Progress) -> None:
        super().__init__(connection, path)
        self._on_bytes = on_bytes
        connection.execute("PRAGMA trusted_schema = OFF")
        if found := damage(connection):
            raise DamagedError(f"{path} is damaged ({found}): export it again")

    def events(self) -> Iterator[list[OldRow]]:
        found = self._read()
        ((count,),) = self._connection.execute("SELECT count(*) FROM events")
        bytes_per_row = self._path.stat().st_size // max(count, 1)
        while rows := found.fetchmany(_ROWS):
            yield [OldRow(*row) for row in rows]
            self._on_bytes(bytes_per_row * len(rows))


class _Export(OldData):
    """An export that is run in a database in memory, from which events are taken after every few rows."""

    def __init__(self, connection: sqlite3.Connection, path: Path, on_bytes: Progress) -> None:
        super().__init__(connection, path)
        self._on_bytes = on_bytes
        self._taken_at = 0

    def events(self) -> Iterator[list[OldRow]]:
        connection = self._connection
        connection.set_authorizer(_authorize)
        for line, statement in self._statements():
            self._execute(line, statement)
            if connection.total_changes - self._taken_at >= _ROWS:
                yield self._take()
        yield self._take()

    def _statements(self) -> Iterator[tuple[int, str]]:
        path = self._path
        try:
            with path.open(encoding="utf-8-sig", newline="\n") as file:
                yield from ((line, text) for line, text in statements(self._lines(file)) if is_needed(text, _TABLES))
        except UnicodeDecodeError as error:
            raise DamagedError(
                f"{path} is neither a database nor SQL in UTF-8: choose the old worker's data"
            ) from error
        except CutOffError as error:
            raise DamagedError(
                f"{path} ends within the statement of line {error.line}: export it again, nothing was imported"
            ) from error

    def _lines(self, lines: Iterator[str]) -> Iterator[str]:
        for line in lines:
            self._on_bytes(len(line))
            yield line

    def _execute(self, line: int, statement: str) -> None:
        try:
            try:
                self._connection.execute(statement)
            except sqlite3.OperationalError as error:
                if not self._make_table(str(error)):
                    raise
                self._connection.execute(statement)
        except (sqlite3.Error, ValueError) as error:
            if isinstance(error, sqlite3.Error) and primary_code(error) in _NOT_OF_THE_EXPORT:
                raise
            raise DamagedError(
                f"{self._path} cannot be read from line {line} on ({error}): export it again, nothing was imported"
            ) from error

    def _make_table(self, complaint: str) -> bool:
        """Make the table that an export without its schema wants; return whether it wants one."""
        wanted = complaint.removeprefix("no such table: ")
        if wanted not in _TABLES:
            return False
        self._connection.execute(query("create_old_events") if wanted == "events" else _CREATE_COUNTERS)
        return True

    def _take(self) -> list[OldRow]:
        """Take the events out of memory."""
        self._connection.set_authorizer(None)
        rows = [OldRow(*row) for row in self._read()]
        self._connection.execute("DELETE FROM events")
        self._connection.set_authorizer(_authorize)
        self._taken_at = self._connection.total_changes
        return rows


@contextmanager
def old_data(path: Path, folder: Path, on_bytes: Progress = no_progress) -> Iterator[OldData]:
    """Open a file of the old worker; ``folder`` takes a database that has to be copied. Raises ``DamagedError``."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head.startswith(MAGIC):
        with closing(_open(path, folder)) as connection:
            yield _Database(connection, path, on_bytes)
        return
    _check_is_text(path, head)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, CHARACTERS_MAX)
        yield _Export(connection, path, on_bytes)


def with_companions(path: Path) -> list[Path]:
    """Return a database and the files beside it with changes that SQLite has not moved into it yet."""
    return [path, beside(path, LOG), beside(path, JOURNAL)]


def _check_is_text(path: Path, head: bytes) -> None:
    """Raise ``DamagedError`` for a compressed file or JSON, which are often mistaken for an SQL export."""
    if head.startswith((b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd")):
        raise DamagedError(f"{path} is compressed: unpack it, and import what comes out")
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
        raise DamagedError(
            f"{path} is JSON: export the old worker's data as SQL with `wrangler d1 export NAME --remote --output "
            "export.sql`. For what `telemetry export events` wrote there is `telemetry import events`"
        )


def _open(path: Path, folder: Path) -> sqlite3.Connection:
    """Open a database, or a copy if changes wait beside it: opening the file itself would move them into it."""
    parts = with_companions(path)
    if not any(part.exists() and part.stat().st_size for part in parts[1:]):
        return sqlite3.connect(immutable_uri(path), uri=True)
    copies = with_companions(folder / "old.db")
    for part, copy in zip(parts, copies, strict=True):
        if part.exists():
            shutil.copyfile(part, copy)
    connection = sqlite3.connect(copies[0])
    connection.execute("PRAGMA journal_mode = DELETE")
    # The open connection keeps the unlinked files; they are gone when the process ends, however it ends.
    for copy in copies:
        copy.unlink(missing_ok=True)
    return connection


def _authorize(action: int, first: str | None, second: str | None, *_: object) -> int:
    own_index = action == sqlite3.SQLITE_CREATE_INDEX and str(first).startswith("sqlite_autoindex_")
    # CREATE TABLE updates the schema. Generated columns may call functions; in memory, the others reach nothing.
    own_schema = (action, first) == (sqlite3.SQLITE_UPDATE, "sqlite_master")
    function = action == sqlite3.SQLITE_FUNCTION and second != "load_extension"
    return sqlite3.SQLITE_OK if action in _ALLOWED or own_index or own_schema or function else sqlite3.SQLITE_DENY


def _text(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw
