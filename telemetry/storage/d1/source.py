"""The old worker's data, opened for reading: a database file with its WAL beside it, or an export as SQL.

Whatever it is, it is not changed.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from telemetry.operator_errors import DamagedError
from telemetry.storage.sqlite.copying import Progress, damage, no_progress
from telemetry.storage.sqlite.database_files import JOURNAL, LOG, beside, immutable_uri
from telemetry.storage.sqlite.errors import primary_code

_MAGIC = b"SQLite format 3\0"
_STATEMENT_CHARACTERS_MAX = 64 * 1024 * 1024

_ALLOWED = {
    sqlite3.SQLITE_CREATE_TABLE,
    sqlite3.SQLITE_INSERT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_REINDEX,
}
# Without effect: the import has a transaction of its own, and needs no indexes but those of UNIQUE.
_IGNORED = {sqlite3.SQLITE_PRAGMA, sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_CREATE_INDEX, sqlite3.SQLITE_ANALYZE}
# In defaults, and where an exporter writes characters that its readers could not.
_FUNCTIONS = {"datetime", "replace", "char", "unistr"}
# What is wrong then is wrong here, and would be with any export.
_NOT_OF_THE_EXPORT = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_CANTOPEN}


@contextmanager
def old_data(path: Path, folder: Path, on_bytes: Progress = no_progress) -> Iterator[sqlite3.Connection]:
    """Open a file of the old worker; ``folder`` takes what has to be copied. Raises ``DamagedError``."""
    with path.open("rb") as file:
        is_database = file.read(len(_MAGIC)) == _MAGIC
    with closing(_open(path, folder) if is_database else _new_database(folder)) as connection:
        if not is_database:
            _load(connection, path, on_bytes)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.text_factory = _text
        if found := damage(connection):
            raise DamagedError(f"{path} is damaged ({found}): export it again")
        try:
            connection.execute("SELECT id, created_at FROM events LIMIT 1")
        except sqlite3.OperationalError as error:
            raise DamagedError(f"{path} is no data of the old worker ({error}): choose its export") from error
        yield connection


def with_companions(path: Path) -> list[Path]:
    """Return a database and the files beside it that hold what has not been moved into it yet."""
    return [path, beside(path, LOG), beside(path, JOURNAL)]


def _open(path: Path, folder: Path) -> sqlite3.Connection:
    """Open a database as it is, or a copy if something has not been moved into it yet, which opening it would do."""
    parts = with_companions(path)
    if not any(part.exists() and part.stat().st_size for part in parts[1:]):
        return sqlite3.connect(immutable_uri(path), uri=True)
    copies = with_companions(folder / "old.db")
    for part, copy in zip(parts, copies, strict=True):
        if part.exists():
            shutil.copyfile(part, copy)
    connection = sqlite3.connect(copies[0])
    connection.execute("PRAGMA journal_mode = DELETE")
    _remove_names(copies)
    return connection


def _new_database(folder: Path) -> sqlite3.Connection:
    path = folder / "old.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    _remove_names([path])
    return connection


def _remove_names(paths: list[Path]) -> None:
    """Leave files to the connection that has them open: without a name they are gone with it, whatever ends it."""
    for path in paths:
        path.unlink(missing_ok=True)


def _load(connection: sqlite3.Connection, path: Path, on_bytes: Progress) -> None:
    connection.execute("BEGIN")
    connection.set_authorizer(_authorize)
    for line, statement in _statements(path, on_bytes):
        try:
            connection.execute(statement)
        except (sqlite3.Error, ValueError) as error:
            if isinstance(error, sqlite3.Error) and primary_code(error) in _NOT_OF_THE_EXPORT:
                raise
            raise DamagedError(
                f"{path} cannot be read from line {line} on ({error}): export it again, nothing was imported"
            ) from error
    connection.set_authorizer(None)
    connection.execute("COMMIT")


def _statements(path: Path, on_bytes: Progress) -> Iterator[tuple[int, str]]:
    """Return each statement with the number of its first line."""
    pending, begun_at = "", 1
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(file, 1):
                on_bytes(len(line))
                pending += line
                if len(pending) > _STATEMENT_CHARACTERS_MAX:
                    break
                if line.rstrip().endswith(";") and sqlite3.complete_statement(pending):
                    yield begun_at, pending
                    pending, begun_at = "", number + 1
    except UnicodeDecodeError as error:
        raise DamagedError(f"{path} is neither a database nor SQL in UTF-8: choose the old worker's data") from error
    if pending.strip():
        raise DamagedError(
            f"{path} ends within the statement of line {begun_at}: export it again, nothing was imported"
        )


def _authorize(action: int, first: str | None, second: str | None, *_: object) -> int:
    own_index = action == sqlite3.SQLITE_CREATE_INDEX and str(first).startswith("sqlite_autoindex_")
    if action in _ALLOWED or own_index:
        return sqlite3.SQLITE_OK
    if action in _IGNORED:
        return sqlite3.SQLITE_IGNORE
    # CREATE TABLE updates the schema, and an export empties the table of sequences before it fills it.
    if (action, first) in {(sqlite3.SQLITE_UPDATE, "sqlite_master"), (sqlite3.SQLITE_DELETE, "sqlite_sequence")}:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION and second in _FUNCTIONS:
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _text(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw
