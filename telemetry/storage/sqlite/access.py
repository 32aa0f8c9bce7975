"""Why a database file cannot be opened, as the file system tells it, with the command that helps."""

import errno
import os
import pwd
import stat
from pathlib import Path

from telemetry.operator_errors import DataDirectoryError, NoDataError, OperatorError
from telemetry.storage.sqlite.database_files import COMPANIONS, JOURNAL, LOG, SHARED_MEMORY, beside

_EVENTS = "events"
# As SQLite makes it, 32 KiB at a time.
_SHARED_BYTES_MIN = 32_768


def obstacle(path: Path, *, writing: bool) -> OperatorError | None:
    """Return what keeps this user from reading a database file, or from writing to it, or None if nothing does."""
    if path.parent.exists() and not _allows(path.parent, os.R_OK | os.X_OK):
        return DataDirectoryError(f"{path} cannot be read by this user: {advice(path.parent, _root(path))}")
    if not path.exists():
        return NoDataError(f"{path} does not exist: choose the directory of a service with --data-dir")
    if not path.is_file():
        return DataDirectoryError(f"{path} is not a file: move it away")
    for file in (path, *(beside(path, suffix) for suffix in COMPANIONS)):
        if file.exists() and not _allows(file, os.R_OK):
            return DataDirectoryError(f"{file} cannot be read by this user: {advice(file, _root(path))}")
    if can_write(path.parent) and (can_write(path) or not writing):
        return None
    return _writing_obstacle(path)


def _writing_obstacle(path: Path) -> OperatorError:
    read_only = _is_on_read_only_disk(path)
    # A folder that may not be written to keeps SQLite from making its files beside the database.
    blocked = path if can_write(path.parent) else path.parent
    why = "is on a read-only file system" if read_only else "may not be written by this user"
    if _is_unfinished(path):
        copying = f"copy it first (`cp -rL {_root(path)} COPY`), and run this with `--data-dir COPY`"
        return DataDirectoryError(
            f"{path} {why}, and its last transactions are in a file beside it that only a program that may write can "
            f"bring in: {copying if read_only else f'{advice(blocked, _root(path))}, or {copying}'}"
        )
    return DataDirectoryError(
        f"{path} {why}: {'have it mounted for writing' if read_only else advice(blocked, _root(path))}"
    )


def advice(path: Path, root: Path) -> str:
    """Return the command after which this user, or the right one, may use a file or folder of a data directory."""
    status = path.stat()
    if status.st_uid == os.geteuid():
        mode = 0o700 if stat.S_ISDIR(status.st_mode) else 0o600
        return f"run `chmod {mode:o} {path}`"
    if status.st_uid != root.stat().st_uid:
        return f"run `chown --reference={root} {path}` as root"
    return f"run this as its owner (`sudo -u {_user(status.st_uid)} telemetry ...`)"


def refusal(error: OSError) -> OperatorError | None:
    """Return what to do where the system refuses this user a file, or None if it did something else."""
    if error.errno not in (errno.EACCES, errno.EPERM) or not error.filename:
        return None
    path = Path(os.fsdecode(error.filename))
    # Of what is in a folder that it may not enter, a user cannot even tell whether it is there.
    refused = path if _allows(path.parent, os.X_OK) else path.parent
    try:
        needed = advice(refused, refused)
    except OSError:
        needed = "run this as the user of the service"
    return DataDirectoryError(f"{refused} cannot be used by this user: {needed}")


def log_bytes(path: Path) -> int | None:
    """Return the size of the write-ahead log of a database, or None if there is none."""
    try:
        return beside(path, LOG).stat().st_size
    except FileNotFoundError:
        return None


def has_shared_memory(path: Path) -> bool:
    """Tell whether there is the file that the programs at work on a database share; a full disk holds a part of it."""
    try:
        return beside(path, SHARED_MEMORY).stat().st_size >= _SHARED_BYTES_MIN
    except FileNotFoundError:
        return False


def has_journal(path: Path) -> bool:
    """Tell whether a transaction on a database has begun to write: by a program at work, or by one that was killed.

    A journal that is empty, or whose first byte is zero, holds nothing to be rolled back.
    """
    try:
        with beside(path, JOURNAL).open("rb") as journal:
            return journal.read(1) not in (b"", b"\0")
    except FileNotFoundError:
        return False
    except OSError:
        return True


def can_write(path: Path) -> bool:
    """Tell whether this process may write to a file, or make files in a folder."""
    return _allows(path, os.W_OK)


def is_foreign(path: Path) -> bool:
    """Tell whether a file belongs to another user, and this process could not give files to that user."""
    return os.geteuid() not in (0, path.stat().st_uid)


def _allows(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=True)


def _is_unfinished(path: Path) -> bool:
    return bool(log_bytes(path)) or has_journal(path)


def _is_on_read_only_disk(path: Path) -> bool:
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def _root(path: Path) -> Path:
    return path.parent.parent if path.parent.name == _EVENTS else path.parent


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"'#{number}'"
