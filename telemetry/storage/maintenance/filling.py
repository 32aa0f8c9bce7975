"""Filling the folder of a backup: consistent copies of databases that may be in use.

The aggregates are copied first: their watermarks are then never ahead of the segments, so that a start on the copy
replays to exact numbers. A segment that has not changed since the last backup is not copied again if the file there is
still what it was: both names lead to it.
"""

import logging
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from telemetry.clock import Clock
from telemetry.operator_errors import ConflictError, DamagedError, NoDataError
from telemetry.storage.aggregates.loss import missing_segments
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.erasure.erasures import known_erasures
from telemetry.storage.maintenance.backups import (
    BackedUp,
    backups,
    read_manifest,
)  # fmt: skip
from telemetry.storage.maintenance.modest_disks import hard_link, restrict
from telemetry.storage.sqlite.copying import Progress, check_copy, copy_database, digest
from telemetry.storage.sqlite.database_files import LOG, beside
from telemetry.storage.sqlite.syncing import sync_file

logger = logging.getLogger(__name__)

_TRIES = 3
# A file written to as recently as this could be written to again without its time showing it.
_SETTLED_NS = 2_000_000_000


class Earlier(NamedTuple):
    """A file of the last backup: where it is, and what the manifest says of it."""

    path: Path
    file: BackedUp


class Filled(NamedTuple):
    """What a backup holds: copied databases, databases shared with the backup before, and other files."""

    copied: list[BackedUp]
    shared: list[BackedUp]
    others: list[BackedUp]

    @property
    def files(self) -> list[BackedUp]:
        """All files in the order of their names, ``telemetry.db`` first."""
        databases = sorted([*self.copied, *self.shared], key=lambda file: ("/" in file.name, file.name))
        return [*databases, *self.others]


def source_bytes(directory: DataDirectory) -> int:
    """Return about how many bytes a backup will look at."""
    return sum(path.stat().st_size for path in _sources(directory) if path.exists())


def _sources(directory: DataDirectory) -> Iterator[Path]:
    """Return the aggregates; only when they have been dealt with it is asked which segments there are."""
    yield directory.aggregates
    yield from directory.segments().values()


def last_files(root: Path) -> dict[str, Earlier]:
    """Return the files of the last backup by their names; none if there is none that can be read."""
    folders = backups(root)
    if not folders:
        return {}
    try:
        return {file.name: Earlier(folders[-1] / file.name, file) for file in read_manifest(folders[-1]).files}
    except (DamagedError, OSError) as error:
        logger.warning("the last backup cannot be read, all is copied anew", extra={"reason": str(error)})
        return {}


def fill_consistently(
    directory: DataDirectory, target: Path, last: dict[str, Earlier], clock: Clock, on_bytes: Progress
) -> Filled:
    """Copy everything, again if an installation was erased or a segment retired while that went on.

    The copied aggregates would miss the events of the one, and call the other missing.
    """
    for _ in range(_TRIES):
        filled = _fill(directory, target, last, clock, on_bytes)
        same_erasures = known_erasures(target / directory.aggregates.name) == known_erasures(directory.aggregates)
        gone = {state.day for state in missing_segments(DataDirectory(target))}
        if same_erasures and (not gone or gone <= {state.day for state in missing_segments(directory)}):
            return filled
        shutil.rmtree(target)
    raise ConflictError("installations are being erased or days removed: make the backup when that is done")


def _fill(directory: DataDirectory, target: Path, last: dict[str, Earlier], clock: Clock, on_bytes: Progress) -> Filled:
    (target / directory.events.name).mkdir(mode=0o700, parents=True)
    copied, shared = [], []
    for source in _sources(directory):
        name = str(source.relative_to(directory.root))
        before = _stamp(source, clock)
        if before is None:
            continue
        earlier = last.get(name)
        if earlier and _is_of(before, earlier.file) and _shared(target / name, earlier, on_bytes):
            shared.append(earlier.file)
        elif file := _copy(source, target / name, name, before, on_bytes):
            copied.append(file)
    # After all that the key was made hashes with, and all that is recorded of published windows.
    public = (directory.published, directory.public_labels)
    others = (directory.id_key, *public, directory.node, directory.forwarding)
    return Filled(copied, shared, [file for single in others for file in _copy_whole(single, target)])


def _copy_whole(source: Path, target: Path) -> Iterator[BackedUp]:
    """Copy a file that is only ever replaced as a whole, if it is there."""
    copy = target / source.name
    with suppress(FileNotFoundError):
        shutil.copyfile(source, copy)
        restrict(copy)
        sync_file(copy)
        yield BackedUp(copy.name, copy.stat().st_size, digest(copy))


def _is_of(stamp: tuple[int, int | None], file: BackedUp) -> bool:
    return file.source_mtime_ns is not None and stamp == (file.source_bytes, file.source_mtime_ns)


def _shared(target: Path, earlier: Earlier, on_bytes: Progress) -> bool:
    """Link a file of the last backup into this one; return False if it cannot be linked, or must not be."""
    if not hard_link(target, earlier.path) and earlier.path.exists():
        return False
    if _is_intact(earlier, on_bytes):
        return True
    target.unlink(missing_ok=True)
    return False


def _is_intact(earlier: Earlier, on_bytes: Progress) -> bool:
    """Tell whether a file that backups share is still what it was: one that rots must not spoil them all."""
    try:
        intact = digest(earlier.path, on_bytes) == earlier.file.sha256
    except OSError:
        intact = False
    if not intact:
        logger.warning("a file of the last backup is damaged, it is copied anew", extra={"path": str(earlier.path)})
    return intact


def _stamp(source: Path, clock: Clock) -> tuple[int, int | None] | None:
    """Return what tells one content of a file from another: its size and time, no time while it may yet change."""
    try:
        status = source.stat()
    except FileNotFoundError:
        # Retention removed it in the meantime.
        return None
    wal = beside(source, LOG)
    in_use = wal.exists() and wal.stat().st_size > 0
    settled = not in_use and status.st_mtime_ns < clock.now() * 1e9 - _SETTLED_NS
    return status.st_size, status.st_mtime_ns if settled else None


def _copy(source: Path, target: Path, name: str, before: tuple[int, int | None], on_bytes: Progress) -> BackedUp | None:
    try:
        copy_database(source, target, on_bytes)
        restrict(target, stat.S_IMODE(source.stat().st_mode))
    except (NoDataError, FileNotFoundError):
        # Retention removed it in the meantime.
        target.unlink(missing_ok=True)
        return None
    check_copy(target, source, "segment" if source.parent.name == target.parent.name else "aggregates")
    return BackedUp(name, target.stat().st_size, digest(target), *before)
