"""Whether a disk has room, which disk that is, and which errors say that it has none."""

import errno
import os
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from telemetry.operator_errors import StorageFullError

# SQLite needs that much beside a database before it can open it: 32 KiB of memory shared with readers, and a log.
_BYTES_MIN = 65_536
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# The memory shared with readers is a file, which SQLite makes as large as it needs it.
_CERTAINLY_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE}
_BEYOND_LIMIT = {sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMOPEN}
# Of these only the file system knows whether a disk without room is the reason.
_PERHAPS_FULL = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}


def has_room(path: Path) -> bool:
    """Tell whether the disk that a file or folder is on, or would be on, has room for a database to be opened."""
    try:
        disk = os.statvfs(_existing(path))
    except OSError:
        return True
    # File systems that do not count their files say 0 of both.
    return disk.f_bavail * disk.f_frsize >= _BYTES_MIN and (disk.f_files == 0 or disk.f_favail > 0)


def is_full(error: BaseException) -> bool:
    """Tell whether an error says that there is no room: on the disk, in a quota or below a limit of file sizes."""
    if isinstance(error, StorageFullError):
        return True
    if isinstance(error, OSError):
        return error.errno in _FULL
    code = getattr(error, "sqlite_errorcode", 0)
    # A write beyond a file size limit fails as one to a broken disk does; without a limit it must be the disk.
    return code in _CERTAINLY_FULL or (code in _BEYOND_LIMIT and _file_size_limited())


def fullness(error: BaseException, *paths: Path) -> StorageFullError | None:
    """Return what an error says of a disk without room that one of the files or folders is on, or None.

    What an error was raised from is looked at, too.
    """
    if isinstance(error, StorageFullError):
        return error
    path = next((path for path in paths if not has_room(path)), None)
    reason: BaseException | None = error
    while reason is not None:
        perhaps = getattr(reason, "sqlite_errorcode", 0) & 0xFF in _PERHAPS_FULL
        if is_full(reason) or (perhaps and path is not None):
            return StorageFullError(_sentence(path, paths[0]))
        reason = reason.__cause__
    return None


@contextmanager
def telling_full(path: Path) -> Iterator[None]:
    """Raise ``StorageFullError`` naming the file and its disk if what is done fails because there is no room."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        if (full := fullness(error, path)) is None:
            raise
        raise full from error


def _sentence(full: Path | None, path: Path) -> str:
    if full is None and _file_size_limited():
        return f"{path} cannot be written because files may not grow so large: raise the limit (`ulimit -f`)"
    path = full or path
    disk = _mount_point(_existing(path))
    return (
        f"{path} cannot be written because the disk at {disk} is full: free some space on it "
        f"(`df -h {disk}` and `df -i {disk}` show what is left)"
    )


def _existing(path: Path) -> Path:
    return next((place for place in (path, *path.absolute().parents) if place.exists()), Path("/"))


def _mount_point(path: Path) -> Path:
    path = path.resolve()
    return next((place for place in (path, *path.parents) if place.is_mount()), Path("/"))


def _file_size_limited() -> bool:
    return resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY
