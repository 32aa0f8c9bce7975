"""Which entries of a data directory are the service's own; others, such as ``lost+found``, are left alone."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from telemetry.storage.directory.data_directory import SCRATCH, DataDirectory
from telemetry.storage.directory.segment_files import is_day, kind_of
from telemetry.storage.sqlite.database_files import COMPANIONS, JOURNAL, SCHEMA_COPY, beside

INCOMING = "restore-incoming"
"""What a restore is copying or has copied."""
ASIDE = "before-restore-"
"""What a restore has moved aside, with the time of the restore."""

_DATABASE = rf"\.db({'|'.join(COMPANIONS)})?"
_AGGREGATES = re.compile(rf"telemetry({_DATABASE}|\.db{SCHEMA_COPY}\d+)")
_SEGMENT = re.compile(rf"(.*){_DATABASE}")
_ASIDE = re.compile(rf"{ASIDE}\d{{4}}-\d\d-\d\dT\d{{6}}Z(-\d+)?")


def data_files(directory: DataDirectory) -> list[Path]:
    """Return what a restore replaces: databases, what SQLite keeps beside them, the key of hashed ids and the node."""
    single = {directory.id_key, directory.node}
    in_root = [path for path in _entries(directory.root) if _AGGREGATES.fullmatch(path.name) or path in single]
    named = ((path, _SEGMENT.fullmatch(path.name)) for path in _entries(directory.events))
    return in_root + [path for path, found in named if found and is_day(found[1])]


def published_files(directory: DataDirectory) -> list[Path]:
    """Return where the public numbers and labels are, and where new ones are written until they have that name."""
    files = (directory.published, directory.public_labels)
    return [path for file in files for path in (file, unfinished_publication(file))]


def forwarding_files(directory: DataDirectory) -> list[Path]:
    """Return what a forwarder keeps: its state, its mirror of the cluster with SQLite's journal, and the locks."""
    mirror = directory.forwarded
    return [directory.forwarding, mirror, beside(mirror, JOURNAL), directory.forwarding_lock, directory.publishing_lock]


def unfinished_publication(path: Path) -> Path:
    """Return where a public file is written until it has its name."""
    return path.with_name(f"{path.name}-new")


def folders_aside(directory: DataDirectory) -> list[Path]:
    """Return what restores have moved aside and nobody has removed yet, oldest first."""
    entries = [*_entries(directory.root), *_entries(directory.events)]
    return [path for path in entries if _ASIDE.fullmatch(path.name) and path.is_dir()]


def own_paths(directory: DataDirectory) -> Iterator[Path]:
    """Return every folder and file of the service below the root, what restores have moved aside included.

    A link among the segments is foreign: what it leads to belongs to others.
    """
    for path in data_files(directory):
        if path.is_file() if path.parent == directory.root else kind_of(path) is None:
            yield path
    single = (directory.events, directory.witness, directory.lock, directory.refusals, directory.last_backup)
    for path in (*single, *published_files(directory), *forwarding_files(directory)):
        if path.exists():
            yield path
    for folder in [*folders_aside(directory), *_working_folders(directory)]:
        yield folder
        yield from _files_below(folder)


def used_bytes(directory: DataDirectory) -> int:
    """Return the size of all files, but for those that a restore has moved aside.

    A file that disappears meanwhile counts nothing.
    """
    working = (file for folder in _working_folders(directory) for file in _files_below(folder))
    return sum(
        map(
            size_bytes,
            [
                *data_files(directory),
                *published_files(directory),
                *forwarding_files(directory),
                directory.witness,
                directory.lock,
                directory.refusals,
                *working,
            ],
        )
    )


def bytes_below(folder: Path) -> int:
    """Return the size of all files in a folder."""
    return sum(map(size_bytes, _files_below(folder)))


def size_bytes(path: Path) -> int:
    """Return the size of a file, or 0 if it is not there."""
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _working_folders(directory: DataDirectory) -> list[Path]:
    own = {INCOMING, directory.restoring.name}
    entries = [*_entries(directory.root), *_entries(directory.events)]
    return [path for path in entries if (path.name in own or path.name.startswith(SCRATCH)) and path.is_dir()]


def _entries(folder: Path) -> list[Path]:
    with suppress(FileNotFoundError, NotADirectoryError):
        return sorted(folder.iterdir())
    return []


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        for path in (Path(parent, name) for name in names):
            if not path.is_symlink():
                yield path
