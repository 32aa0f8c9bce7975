"""Backups: dated copies of a data directory that may be in use, each complete by itself.

A backup is laid out like a data directory, with ``backup.json`` beside. The aggregates are copied first: their
watermarks are then never ahead of the segments, so that a start on the copy replays to exact numbers. A segment that
has not changed since the last backup is not copied again if the file there is still what it was: both names lead to it.
"""

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from telemetry import __version__
from telemetry.clock import Clock, iso_milliseconds
from telemetry.operator_errors import ConflictError, DamagedError, DataDirectoryError, InUseError, NoDataError
from telemetry.storage.aggregates.loss import check_aggregates, missing_segments
from telemetry.storage.aggregates.segment_states import SegmentState
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.places import is_within
from telemetry.storage.erasure.erasures import known_erasures
from telemetry.storage.maintenance.backups import (
    FORMAT,
    MANIFEST,
    BackedUp,
    Manifest,
    backups,
    copied_revision,
    folder_name,
    read_manifest,
    remove_unfinished,
    revision,
    unfinished,
)  # fmt: skip
from telemetry.storage.sqlite.copying import Progress, check_copy, copy_database, digest, no_progress
from telemetry.storage.sqlite.database_files import LOG, beside
from telemetry.storage.sqlite.syncing import sync_file, sync_folder

logger = logging.getLogger(__name__)

_TRIES = 3
# A file written to as recently as this could be written to again without its time showing it.
_SETTLED_NS = 2_000_000_000


class _Earlier(NamedTuple):
    path: Path
    file: BackedUp


class Made(NamedTuple):
    """A finished backup, how many of its files were copied, the older ones that were removed, and what it lacks.

    ``missing`` are segments that are gone though nobody retired them; then no older backup was removed.
    """

    folder: Path
    manifest: Manifest
    copied: int
    removed: list[str]
    missing: list[SegmentState]


def source_bytes(directory: DataDirectory) -> int:
    """Return about how many bytes a backup will look at."""
    return sum(path.stat().st_size for path in _sources(directory) if path.exists())


def back_up(
    directory: DataDirectory, root: Path, clock: Clock, *, keep: int | None = None, on_bytes: Progress = no_progress
) -> Made:
    """Make a backup in a new folder below ``root``, and remove all but the newest ``keep``.

    Raises ``DamagedError`` if the aggregates are missing or empty: older backups that hold them must stay.
    Whatever goes wrong, a folder that looks like a backup is one: it gets its name when all is copied and verified.
    """
    directory.check_whole()
    directory.check_data()
    check_aggregates(directory)
    _check_apart(directory, root)
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(root):
        for left_over in remove_unfinished(root):
            logger.warning("what an interrupted backup left cannot be removed", extra={"path": str(left_over)})
        made_at = clock.now()
        folder = root / folder_name(made_at)
        if folder.exists():
            raise DataDirectoryError(f"{folder} exists: see that the clock is right, and try again")
        filling = unfinished(folder)
        try:
            files, copied = _fill_consistently(directory, filling, _last_files(root), clock, on_bytes)
            copy = filling / directory.aggregates.name
            manifest = Manifest(FORMAT, iso_milliseconds(made_at), __version__, files, copied_revision(copy))
            missing = missing_segments(DataDirectory(filling))
            _finish(filling, folder, manifest)
        except BaseException:
            shutil.rmtree(filling, ignore_errors=True)
            raise
        removed = _remove(root, folder, keep) if keep and not missing else []
    return Made(folder, manifest, copied, removed, missing)


def _check_apart(directory: DataDirectory, root: Path) -> None:
    """Raise ``DataDirectoryError`` if the backups would be lost together with the data."""
    for place in (directory.root, directory.events):
        if is_within(root, place) or is_within(place, root):
            raise DataDirectoryError(
                f"{root} is in or around {place}, where the data is: choose a folder apart from the data, on another "
                "disk if there is one"
            )


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise InUseError(f"another backup into {root} is being made: wait for its end") from error
    try:
        yield
    finally:
        os.close(descriptor)


def _sources(directory: DataDirectory) -> Iterator[Path]:
    """Return the aggregates; only when they have been dealt with it is asked which segments there are."""
    yield directory.aggregates
    yield from directory.segments().values()


def _last_files(root: Path) -> dict[str, _Earlier]:
    folders = backups(root)
    if not folders:
        return {}
    try:
        return {file.name: _Earlier(folders[-1] / file.name, file) for file in read_manifest(folders[-1]).files}
    except (DamagedError, OSError) as error:
        logger.warning("the last backup cannot be read, all is copied anew", extra={"reason": str(error)})
        return {}


def _fill_consistently(
    directory: DataDirectory, target: Path, last: dict[str, _Earlier], clock: Clock, on_bytes: Progress
) -> tuple[list[BackedUp], int]:
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


def _fill(
    directory: DataDirectory, target: Path, last: dict[str, _Earlier], clock: Clock, on_bytes: Progress
) -> tuple[list[BackedUp], int]:
    (target / directory.events.name).mkdir(mode=0o700, parents=True)
    files, copied = [], 0
    for source in _sources(directory):
        name = str(source.relative_to(directory.root))
        before = _stamp(source, clock)
        if before is None:
            continue
        earlier = last.get(name)
        if earlier and _is_of(before, earlier.file) and _is_intact(earlier, on_bytes):
            (target / name).hardlink_to(earlier.path)
            files.append(earlier.file)
        elif file := _copy(source, target / name, name, before, on_bytes):
            files.append(file)
            copied += 1
    files += _copy_key(directory, target)
    return files, copied


def _copy_key(directory: DataDirectory, target: Path) -> Iterator[BackedUp]:
    """Copy the key of hashed ids, if it is a file, after all that was hashed with it."""
    copy = target / directory.id_key.name
    with suppress(FileNotFoundError):
        shutil.copyfile(directory.id_key, copy)
        copy.chmod(0o600)
        sync_file(copy)
        yield BackedUp(copy.name, copy.stat().st_size, digest(copy))


def _is_of(stamp: tuple[int, int | None], file: BackedUp) -> bool:
    return file.source_mtime_ns is not None and stamp == (file.source_bytes, file.source_mtime_ns)


def _is_intact(earlier: _Earlier, on_bytes: Progress) -> bool:
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
        shutil.copymode(source, target)
    except (NoDataError, FileNotFoundError):
        # Retention removed it in the meantime.
        target.unlink(missing_ok=True)
        return None
    check_copy(target, source, "segment" if source.parent.name == target.parent.name else "aggregates")
    return BackedUp(name, target.stat().st_size, digest(target), *before)


def _finish(filled: Path, folder: Path, manifest: Manifest) -> None:
    path = filled / MANIFEST
    path.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
    path.chmod(0o600)
    sync_file(path)
    for written in (filled / "events", filled):
        sync_folder(written)
    filled.rename(folder)
    sync_folder(folder.parent)


def _remove(root: Path, made: Path, keep: int) -> list[str]:
    others = [folder for folder in backups(root) if folder != made and not folder.is_symlink()]
    if others and revision(others[-1]) > revision(made):
        # To remove by age would now remove what later data is saved in.
        found = {"newest": str(others[-1]), "revision": revision(others[-1]), "revision_made": revision(made)}
        logger.warning("the folder holds a backup of later data, no backup is removed", extra=found)
        return []
    spare = others[: max(0, len(others) - keep + 1)]
    for folder in spare:
        # No longer a backup from here on, even if removing it is interrupted.
        shutil.rmtree(folder.rename(unfinished(folder)))
    return [folder.name for folder in spare]
