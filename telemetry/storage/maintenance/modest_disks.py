"""Writing to file systems of few abilities, such as exFAT and network shares: they may lack links, modes or locks."""

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
    """Give a file a second name; return False if it cannot have one more, or has none by now."""
    try:
        path.hardlink_to(other)
    except OSError:
        return False
    return True


def restrict(path: Path, mode: int = _OWNER_ONLY) -> None:
    """Let only its owner use a file, where the file system can say so."""
    try:
        path.chmod(mode)
    except OSError as error:
        if error.errno not in _LACKING:
            raise


def warn_of_others(folder: Path) -> None:
    """Log a warning if the file system keeps no modes, and lets other users read what was written to a folder."""
    if any(path.stat().st_mode & _OTHERS for path in folder.iterdir() if path.is_file()):
        logger.warning(
            "this file system keeps no modes, other users of this host may read what is there: mount it with umask=077",
            extra={"path": str(folder)},
        )


def lock(descriptor: int) -> bool:
    """Lock an open folder for this process; return False if another has it. Without locks nobody has."""
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
