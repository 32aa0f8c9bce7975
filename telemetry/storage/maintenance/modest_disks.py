"""Writing to file systems that may lack hard links, modes or locks, such as exFAT and network shares."""

import errno
import fcntl
import logging
from pathlib import Path

from telemetry.storage.sqlite.syncing import sync_folder

logger = logging.getLogger(__name__)

_OWNER_ONLY = 0o600
_OTHERS = 0o077
_LACKING = {errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ENOLCK, errno.ENOTTY}


def hard_link(path: Path, other: Path) -> bool:
    """Give a file a second name; return False if the file system refuses, or if the file is gone."""
    try:
        path.hardlink_to(other)
    except OSError:
        return False
    return True


def restrict(path: Path, mode: int = _OWNER_ONLY) -> None:
    """Let only its owner use a file, if the file system has modes."""
    try:
        path.chmod(mode)
    except OSError as error:
        if error.errno not in _LACKING:
            raise


def warn_of_others(folder: Path) -> None:
    """Log a warning if the file system has no modes, so that other users can read what was written to a folder."""
    if any(path.stat().st_mode & _OTHERS for path in folder.iterdir() if path.is_file()):
        logger.warning(
            "this file system has no modes, other users of this host may read its files: mount it with umask=077",
            extra={"path": str(folder)},
        )


def lock(descriptor: int) -> bool:
    """Lock an open folder for this process; return False if another process has locked it.

    Return True where the file system has no locks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _LACKING:
            raise
    return True


def sync_names(folder: Path) -> None:
    """Make the names in a folder durable, where the file system can do that on demand."""
    try:
        sync_folder(folder)
    except OSError as error:
        if error.errno not in _LACKING:
            raise
