"""Backups: dated copies of a data directory that may be in use, each complete by itself.

A backup is laid out like a data directory, with ``backup.json`` (``telemetry.storage.maintenance.backups``) beside.
"""

import logging
import os
import pwd
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from telemetry import __version__
from telemetry.clock import Clock, iso_milliseconds
from telemetry.operator_errors import DataDirectoryError, InUseError
from telemetry.storage.aggregates.loss import check_aggregates, missing_segments
from telemetry.storage.aggregates.segment_states import SegmentState
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.places import is_within
from telemetry.storage.maintenance.backups import (
    FORMAT,
    MANIFEST,
    Manifest,
    backups,
    copied_revision,
    folder_name,
    remove_unfinished,
    revision,
    unfinished,
)  # fmt: skip
from telemetry.storage.maintenance.filling import Filled, fill_consistently, last_files
from telemetry.storage.maintenance.last_backup import LastBackup, record_backup
from telemetry.storage.maintenance.modest_disks import lock, restrict, sync_names, warn_of_others
from telemetry.storage.sqlite.copying import Progress, no_progress
from telemetry.storage.sqlite.syncing import sync_file

logger = logging.getLogger(__name__)


class Made(NamedTuple):
    """A finished backup: the files that were copied or shared, the older backups that were removed, and what it lacks.

    ``missing`` segments are gone although retention did not remove them; then no older backup was removed.
    """

    folder: Path
    manifest: Manifest
    filled: Filled
    removed: list[str]
    missing: list[SegmentState]


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
    _make(root)
    with _locked(root):
        for left_over in remove_unfinished(root):
            logger.warning("what an interrupted backup left cannot be removed", extra={"path": str(left_over)})
        made_at = clock.now()
        folder = root / folder_name(made_at)
        if folder.exists():
            raise DataDirectoryError(f"{folder} exists: see that the clock is right, and try again")
        filling = unfinished(folder)
        try:
            filled = fill_consistently(directory, filling, last_files(root), clock, on_bytes)
            copy = filling / directory.aggregates.name
            manifest = Manifest(FORMAT, iso_milliseconds(made_at), __version__, filled.files, copied_revision(copy))
            missing = missing_segments(DataDirectory(filling))
            _finish(filling, folder, manifest)
            warn_of_others(folder)
        except BaseException:
            shutil.rmtree(filling, ignore_errors=True)
            raise
        removed = _remove(root, folder, keep) if keep and not missing else []
    if not missing:
        record_backup(directory, LastBackup(iso_milliseconds(made_at), str(folder.resolve())))
    return Made(folder, manifest, filled, removed, missing)


def _check_apart(directory: DataDirectory, root: Path) -> None:
    """Raise ``DataDirectoryError`` if the backups would be lost together with the data."""
    for place in (directory.root, directory.events):
        if is_within(root, place) or is_within(place, root):
            raise DataDirectoryError(
                f"{root} is in or around {place}, where the data is: choose a folder apart from the data, on another "
                "disk if there is one"
            )


def _make(root: Path) -> None:
    """Make the folder of the backups; raise ``DataDirectoryError`` if this user cannot write there."""
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
    except PermissionError as error:
        raise _refused(root) from error
    if not os.access(root, os.W_OK | os.X_OK, effective_ids=True):
        raise _refused(root)


def _refused(root: Path) -> DataDirectoryError:
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    return DataDirectoryError(
        f"the user {user} cannot write to {root}: make it for that user, as with "
        f"`sudo install -d -o {user} -m 700 {root}`, or choose another folder"
    )


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not lock(descriptor):
            raise InUseError(f"another backup into {root} is being made: wait for its end")
        yield
    finally:
        os.close(descriptor)


def _finish(filled: Path, folder: Path, manifest: Manifest) -> None:
    path = filled / MANIFEST
    path.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
    restrict(path)
    sync_file(path)
    for written in (filled / "events", filled):
        sync_names(written)
    filled.rename(folder)
    sync_names(folder.parent)


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
