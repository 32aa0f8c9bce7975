"""Telling whether one path leads into another, whatever links there are on the way."""

import os
from contextlib import suppress
from pathlib import Path


def is_within(path: Path, folder: Path) -> bool:
    """Tell whether a path is a folder or file, or lies or would lie in it; what cannot be looked at is nowhere."""
    place = _inode(folder)
    real = Path(os.path.realpath(path))
    return place is not None and any(_inode(part) == place for part in (real, *real.parents))


def _inode(path: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        status = path.stat()
        return status.st_dev, status.st_ino
    return None
