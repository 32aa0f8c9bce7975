"""What the data directory takes of the disk, and what the disk has left."""

import os
from contextlib import suppress
from typing import NamedTuple

from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.own_files import size_bytes
from telemetry.storage.directory.segment_files import segment_day
from telemetry.storage.sqlite.database_files import LOG, beside


class FileSizes(NamedTuple):
    """Sizes in bytes, and the number of segments; the newest segment is the one of the latest day."""

    segments: int
    segments_bytes: int
    newest_segment_bytes: int
    aggregates_bytes: int
    segments_wal_bytes: int
    aggregates_wal_bytes: int
    free_bytes: int


def measure(directory: DataDirectory) -> FileSizes:
    """Look at every file once; a few microseconds for each. Raises ``OSError`` if the directory cannot be read."""
    segments: dict[str, int] = {}
    segments_wal_bytes = 0
    with os.scandir(directory.events) as entries:
        for entry in entries:
            # A file may be removed while the folder is read.
            with suppress(FileNotFoundError):
                if (day := segment_day(entry)) is not None:
                    segments[day] = entry.stat().st_size
                elif entry.name.endswith(f".db{LOG}"):
                    segments_wal_bytes += entry.stat().st_size
    return FileSizes(
        segments=len(segments),
        segments_bytes=sum(segments.values()),
        newest_segment_bytes=segments[max(segments)] if segments else 0,
        aggregates_bytes=size_bytes(directory.aggregates),
        segments_wal_bytes=segments_wal_bytes,
        aggregates_wal_bytes=size_bytes(beside(directory.aggregates, LOG)),
        free_bytes=free_bytes(directory),
    )


def free_bytes(directory: DataDirectory) -> int:
    """Return the room that is left where there is less of it: ``events`` may be on a disk of its own."""
    disks = [os.statvfs(folder) for folder in (directory.root, directory.events) if folder.exists()]
    return min(disk.f_bavail * disk.f_frsize for disk in disks)
