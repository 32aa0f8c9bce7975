"""Folders for what a command works on and throws away, and what is said when they are full."""

import errno
import fcntl
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from telemetry.operator_errors import StorageFailedError
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.sqlite.errors import primary_code

_PREFIX = "drift-telemetry-"
_OURS = re.compile(rf"{_PREFIX}[a-z0-9_]{{8}}")
_FULL = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def scratch(directory: DataDirectory) -> Iterator[Path]:
    """Give the process that holds the lock of a data directory a folder there; ``StorageFailedError`` if it is full.

    SQLite sorts there too, not where the system's temporary files are.
    """
    advice = f"the disk of {directory.root} is full: free some space on it"
    with directory.scratch() as folder, _sorting_in(folder), _telling_full(advice):
        yield folder


@contextmanager
def temporary() -> Iterator[Path]:
    """Give a folder among the temporary files, for commands that must not write to a data directory.

    If the command is killed, the next of the same user removes it: no file in it may name an installation. Raises
    ``StorageFailedError`` if there is no room for it.
    """
    place = Path(os.environ.get("TMPDIR") or "/tmp")
    _remove_left_over(place)
    try:
        folder, lock = _locked_folder(place)
    except OSError as error:
        raise StorageFailedError(
            f"{place}, the folder for temporary files, cannot be used ({error.strerror}): name another with TMPDIR"
        ) from error
    advice = f"{place}, the folder for temporary files, is full: free some space there, or name another with TMPDIR"
    try:
        with _sorting_in(folder), _telling_full(advice):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked_folder(place: Path) -> tuple[Path, int]:
    """Make a folder, and return it with the descriptor whose lock shows to others that a command is at work in it."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        # Until it is locked, another command may take the folder for one that was left, and remove it.
        with suppress(FileNotFoundError):
            if (lock := _locked(folder)) is not None:
                if folder.exists():
                    return folder, lock
                os.close(lock)


@contextmanager
def _telling_full(sentence: str) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, StorageFailedError) as error:
        # A database that is only read has been named already, for what was to be sorted.
        cause = error.__cause__ if isinstance(error, StorageFailedError) else error
        if not isinstance(cause, sqlite3.Error) or primary_code(cause) != sqlite3.SQLITE_FULL:
            raise
        raise StorageFailedError(sentence) from error
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise StorageFailedError(sentence) from error


@contextmanager
def _sorting_in(folder: Path) -> Iterator[None]:
    # SQLite asks the environment once, when Python loads it; what follows it asks each time.
    with closing(sqlite3.connect(":memory:")) as connection:
        _name_temporary_folder(connection, str(folder))
        try:
            yield
        finally:
            _name_temporary_folder(connection, "")


def _name_temporary_folder(connection: sqlite3.Connection, folder: str) -> None:
    quoted = folder.replace("'", "''")
    # Temporary files then are where they always were.
    with suppress(sqlite3.OperationalError):
        connection.execute(f"PRAGMA temp_store_directory = '{quoted}'")


def _remove_left_over(place: Path) -> None:
    with suppress(OSError):
        for path in [path for path in place.iterdir() if _OURS.fullmatch(path.name)]:
            with suppress(OSError):
                if path.lstat().st_uid == os.geteuid() and (descriptor := _locked(path)) is not None:
                    shutil.rmtree(path, ignore_errors=True)
                    os.close(descriptor)


def _locked(folder: Path) -> int | None:
    """Return a descriptor that locks a folder, or None if another process has locked it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
