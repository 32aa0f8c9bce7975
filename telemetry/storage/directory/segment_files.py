"""Which entries of the events folder are segments: regular files named after a real day. All others are left alone."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import NamedTuple

from telemetry.operator_errors import SegmentUnusableError
from telemetry.storage.sqlite.access import obstacle

WRITABLE_MODE = 0o600
SEALED_MODE = 0o400
_SUFFIX = ".db"
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
}


class Foreign(NamedTuple):
    """An entry that has the name of a database and is not a segment, and a sentence that says what to do."""

    name: str
    sentence: str


def segment_name(day: str) -> str:
    """Return the name of the file that holds a day."""
    return f"{day}{_SUFFIX}"


def segment_day(entry: os.DirEntry[str]) -> str | None:
    """Return the day of a segment, or None for any other entry."""
    day = entry.name.removesuffix(_SUFFIX)
    return day if day != entry.name and is_day(day) and entry.is_file(follow_symlinks=False) else None


def is_day(text: str) -> bool:
    """Tell whether a text is a day of the calendar as segments are named after it."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def segment_days(events: Path) -> list[str]:
    """Return the days that have a segment, oldest first; none if the folder does not exist."""
    return sorted(day for entry in _entries(events) if (day := segment_day(entry)) is not None)


def foreign_files(events: Path) -> list[Foreign]:
    """Return the entries that look like databases and are ignored, by name."""
    names = (entry.name for entry in _entries(events) if entry.name.endswith(_SUFFIX) and segment_day(entry) is None)
    return [Foreign(name, _sentence(events / name)) for name in sorted(names)]


def kind_of(path: Path) -> str | None:
    """Return what an entry is if it is not a regular file, in words; None if it is one or does not exist."""
    with suppress(FileNotFoundError):
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode):
            return _KINDS.get(stat.S_IFMT(mode), "a device")
    return None


def check_usable(path: Path, *, to_write: bool) -> None:
    """Raise ``SegmentUnusableError`` if a segment exists that this user cannot open; one to write gets its mode."""
    if (kind := kind_of(path)) is not None:
        raise SegmentUnusableError(f"{path} is {kind}, not a regular file: move it away")
    if to_write:
        with suppress(OSError):
            path.chmod(WRITABLE_MODE)
    if path.exists() and (found := obstacle(path, writing=to_write)) is not None:
        raise SegmentUnusableError(str(found)) from found


def _sentence(path: Path) -> str:
    if not is_day(path.stem):
        return f"is not named after a day and is ignored: move it out of {path.parent}"
    return f"is {kind_of(path)}, not a regular file, and is ignored: move it away, or put the segment in its place"


def _entries(events: Path) -> Iterator[os.DirEntry[str]]:
    with suppress(FileNotFoundError), os.scandir(events) as entries:
        yield from entries
