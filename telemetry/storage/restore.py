"""Restoring a backup: a data directory becomes what it was, and what it held until now is moved aside."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from telemetry.clock import Clock, instant
from telemetry.errors import DataDamagedError, DataDirectoryError, NoDataError
from telemetry.storage.backups import MANIFEST, Manifest, backups
from telemetry.storage.copying import Progress, digest, no_progress, sync_file
from telemetry.storage.data_directory import DataDirectory, sync_folder
from telemetry.storage.erasures import Erasure, is_unreadable, known_erasures, request_again
from telemetry.storage.reading import read_only

_ASIDE = "before-restore-"
_INCOMING = "restore-incoming"


class Restored(NamedTuple):
    """Where what was there before is, and how many installations the next start erases again.

    ``unread`` are databases that may know of more, and cannot be read.
    """

    aside: Path | None
    erased_again: int
    unread: list[Path]


def choose(folder: Path) -> Path:
    """Return a backup: the folder itself, or the newest of those in it."""
    if (folder / MANIFEST).is_file():
        return folder
    found = backups(folder)
    if not found:
        raise NoDataError(f"{folder} is no complete backup and holds none: choose what `telemetry backup` made")
    return found[-1]


def occupied(directory: DataDirectory) -> list[Path]:
    """Return what a data directory holds, besides its lock and what earlier restores left."""
    left = {directory.lock.name, _INCOMING}
    return sorted(
        path for path in directory.root.iterdir() if path.name not in left and not path.name.startswith(_ASIDE)
    )


def restore(
    directory: DataDirectory, backup: Path, manifest: Manifest, clock: Clock, *, on_bytes: Progress = no_progress
) -> Restored:
    """Put a backup in the place of what a locked data directory holds.

    Who was forgotten or excluded since, as far as the directory or the backups beside this one know, is so again.
    Nothing is touched before all files have been copied and are what the manifest says. If it is interrupted after
    that, nothing else opens the directory until a restore has been completed.
    """
    present = occupied(directory)
    incoming = directory.root / _INCOMING
    shutil.rmtree(incoming, ignore_errors=True)
    _copy(backup, incoming, manifest, on_bytes)
    others = [DataDirectory(other).aggregates for other in [*_earlier(directory), *backups(backup.parent)]]
    erased_again, unread = _request_erasures(incoming, others), list(filter(is_unreadable, others))
    _become_newest(DataDirectory(incoming).aggregates, max(map(_revision, others)))
    restoring = directory.restoring
    if restoring in present:
        # An earlier restore was interrupted; what it had not put into place yet is in the backup it came from.
        present.remove(restoring)
        for path in restoring.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    # In the place of an empty folder this is one step.
    incoming.rename(restoring)
    sync_folder(directory.root)
    aside = _move_aside(directory, present, clock)
    for path in sorted(restoring.iterdir()):
        path.rename(directory.root / path.name)
    for folder in (restoring, directory.root):
        sync_folder(folder)
    restoring.rmdir()
    sync_folder(directory.root)
    return Restored(aside, erased_again, unread)


def _earlier(directory: DataDirectory) -> list[Path]:
    return [directory.root, *directory.root.glob(f"{_ASIDE}*")]


def _request_erasures(incoming: Path, others: list[Path]) -> int:
    aggregates = DataDirectory(incoming).aggregates
    known: set[Erasure] = set()
    for other in others:
        known.update([] if is_unreadable(other) else known_erasures(other))
    if not known.difference(known_erasures(aggregates)):
        return 0
    requested = asyncio.run(request_again(aggregates, known))
    sync_file(aggregates)
    return requested


def _become_newest(aggregates: Path, known: int) -> None:
    """Go on from the highest revision that is known: backups of what comes now are newer than all there are."""
    if known <= _revision(aggregates):
        return
    with closing(sqlite3.connect(aggregates)) as connection:
        connection.execute("UPDATE state SET revision = ?", (known + 1,))
        connection.commit()
    sync_file(aggregates)


def _revision(aggregates: Path) -> int:
    try:
        with read_only(aggregates) as connection:
            return int(connection.execute("SELECT revision FROM state").fetchone()[0])
    except (sqlite3.Error, DataDamagedError, TypeError):
        return -1


def _copy(backup: Path, incoming: Path, manifest: Manifest, on_bytes: Progress) -> None:
    needed, free = sum(file.bytes for file in manifest.files), shutil.disk_usage(incoming.parent).free
    if needed > free:
        raise DataDirectoryError(f"{incoming.parent} has {free} bytes free, {needed} are needed: free some")
    (incoming / "events").mkdir(mode=0o700, parents=True)
    try:
        for file in manifest.files:
            source, target = backup / file.name, incoming / file.name
            if source.is_file():
                shutil.copyfile(source, target)
                shutil.copymode(source, target)
                sync_file(target)
            _verify(source, target, file.sha256, on_bytes)
        sync_folder(incoming / "events")
        sync_folder(incoming)
    except BaseException:
        shutil.rmtree(incoming, ignore_errors=True)
        raise


def _verify(source: Path, target: Path, sha256: str, on_bytes: Progress) -> None:
    if not target.exists():
        raise DataDamagedError(f"{source} is missing: choose another backup, nothing was changed")
    if digest(target, on_bytes) != sha256:
        raise DataDamagedError(f"{source} is damaged: choose another backup, nothing was changed")


def _move_aside(directory: DataDirectory, present: list[Path], clock: Clock) -> Path | None:
    if not present:
        return None
    stem = f"{_ASIDE}{instant(clock.now()):%Y-%m-%dT%H%M%S}Z"
    used = sum(path.name.startswith(stem) for path in directory.root.iterdir())
    aside = directory.root / (f"{stem}-{used + 1}" if used else stem)
    aside.mkdir(mode=0o700)
    for path in present:
        path.rename(aside / path.name)
    for folder in (aside, directory.root):
        sync_folder(folder)
    return aside
