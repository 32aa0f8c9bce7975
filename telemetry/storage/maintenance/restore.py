"""Restoring a backup: a data directory becomes what it was, and what it held until now is moved aside."""

import asyncio
import shutil
import sqlite3
import stat
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

from telemetry.clock import Clock, column_time, day_of, instant
from telemetry.operator_errors import DamagedError, DataDirectoryError, NoDataError, OperatorError
from telemetry.storage.aggregates.key_file import read_key, recorded_fingerprint, write_key
from telemetry.storage.aggregates.loss import missing_segments
from telemetry.storage.aggregates.published_windows import record_published_before
from telemetry.storage.aggregates.segment_states import SegmentState
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.node import read_node, write_node
from telemetry.storage.directory.own_files import data_files, folders_aside
from telemetry.storage.directory.places import is_within
from telemetry.storage.erasure.erasures import (
    Erasure,
    is_unreadable,
    known_erasures,
    request_again,
    undo_again,
    undone_exclusions,
)
from telemetry.storage.log.reader import LogReader
from telemetry.storage.maintenance.backups import MANIFEST, Manifest, backups
from telemetry.storage.maintenance.replacing import Replacement
from telemetry.storage.sqlite.copying import Progress, digest, no_progress
from telemetry.storage.sqlite.reading import read_only
from telemetry.storage.sqlite.syncing import sync_file, sync_folder

# What ``published_windows`` says of windows that are gaps was never public.
_DAY_AFTER_PUBLISHED = "(SELECT date(max(last_day), '+1 day') FROM published_windows WHERE state != 'gap')"


class Restored(NamedTuple):
    """Where what was there before is, and how many installations the next start erases again.

    ``unread`` are databases that may know of more, and cannot be read; ``missing`` are segments that the backup lacks.
    """

    aside: Path | None
    erased_again: int
    unread: list[Path]
    missing: list[SegmentState]


def choose(folder: Path) -> Path:
    """Return a backup: the folder itself, or the newest of those in it."""
    if (folder / MANIFEST).is_file():
        return folder
    found = backups(folder)
    if not found:
        raise NoDataError(f"{folder} is no complete backup and holds none: choose what `telemetry backup` made")
    return found[-1]


def occupied(directory: DataDirectory) -> list[Path]:
    """Return what of a data directory a restore would move aside, or complete; entries of others are none of it."""
    return data_files(directory) + [path for path in (directory.restoring,) if path.exists()]


def check_apart(directory: DataDirectory, backup: Path) -> None:
    """Raise ``DataDirectoryError`` if a restore would move files of the backup aside, or add others to it."""
    for place in (directory.root, directory.events):
        if is_within(place, backup):
            raise DataDirectoryError(f"{place} is in the backup {backup}: choose a directory apart from it with --to")


def restore(
    directory: DataDirectory, backup: Path, manifest: Manifest, clock: Clock, *, on_bytes: Progress = no_progress
) -> Restored:
    """Put a backup in the place of what a locked data directory holds.

    Who was forgotten or excluded since, as far as the directory or the backups beside this one know, is so again.
    Nothing is touched before all files have been copied and are what the manifest says. If it is interrupted after
    that, nothing else opens the directory until a restore has been completed.
    """
    replacement = Replacement(directory)
    try:
        kept = _kept(directory)
        _copy(backup, replacement, manifest.without(kept), on_bytes)
        others = [DataDirectory(other) for other in [*_earlier(directory), *reversed(backups(backup.parent))]]
        incoming, databases = DataDirectory(replacement.incoming), [other.aggregates for other in others]
        _bring_key(incoming, others)
        erased_again, unread = _request_erasures(incoming.aggregates, databases), list(filter(is_unreadable, databases))
        _become_another_node(incoming, others)
        _undo_exclusions(incoming.aggregates, databases)
        _become_newest(incoming.aggregates, max(map(_revision, databases)))
        published_before = max(map(_published_before, [incoming.aggregates, *databases]))
        if directory.published.name not in kept or directory.restoring.exists():
            # What has been published since is not known: nothing that has ended may be published otherwise. The clock
            # may have been set back since.
            ended = max(_day_after_published(one) for one in [incoming.aggregates, *databases])
            published_before = max(published_before, ended, day_of(column_time(clock.now())))
        _record_published_before(incoming.aggregates, published_before)
    except BaseException:
        replacement.abandon()
        raise
    aside = replacement.carry_out(f"{instant(clock.now()):%Y-%m-%dT%H%M%S}Z")
    return Restored(aside, erased_again, unread, missing_segments(directory))


def _kept(directory: DataDirectory) -> set[str]:
    """Return the names of files that a restore keeps: published numbers are final, and so is what a cluster has."""
    files = (directory.published, directory.public_labels, directory.forwarding)
    return {path.name for path in files if path.exists()}


def _published_before(aggregates: Path) -> str:
    """Return the day before which windows may have been published by what was lost; empty if nothing was."""
    return _recorded(aggregates, "published_before") or ""


def _day_after_published(aggregates: Path) -> str:
    """Return the day after the last window that may be public; empty if none may be."""
    return _recorded(aggregates, _DAY_AFTER_PUBLISHED) or ""


def _record_published_before(aggregates: Path, day: str) -> None:
    if day > _published_before(aggregates):
        asyncio.run(record_published_before(aggregates, day))
        sync_file(aggregates)


def _earlier(directory: DataDirectory) -> list[Path]:
    return [directory.root, *reversed(folders_aside(directory))]


def _bring_key(incoming: DataDirectory, others: list[DataDirectory]) -> None:
    """Give a backup without a key of hashed ids the key that it was made with or, if that was before there were keys,
    the one in use: what was erased since is known by hashes of this one."""
    if incoming.id_key.exists():
        return
    recorded = recorded_fingerprint(incoming.aggregates)
    for other in others:
        with suppress(DamagedError, DataDirectoryError):
            key = read_key(other.id_key)
            if key is not None and recorded in (None, key.fingerprint):
                write_key(incoming.id_key, key)
                return


def _request_erasures(aggregates: Path, others: list[Path]) -> int:
    known: set[Erasure] = set()
    for other in others:
        known.update([] if is_unreadable(other) else known_erasures(other))
    if not known.difference(known_erasures(aggregates)):
        return 0
    requested = asyncio.run(request_again(aggregates, known))
    sync_file(aggregates)
    return requested


def _undo_exclusions(aggregates: Path, others: list[Path]) -> None:
    undone: dict[str, str] = {}
    for other in others:
        for hashed_id, undone_at in ({} if is_unreadable(other) else undone_exclusions(other)).items():
            undone[hashed_id] = max(undone_at, undone.get(hashed_id, ""))
    if undone:
        asyncio.run(undo_again(aggregates, undone))
        sync_file(aggregates)


def _become_newest(aggregates: Path, known: int) -> None:
    """Go on from the highest revision that is known: backups of what comes now are newer than all there are."""
    if known <= _revision(aggregates):
        return
    with closing(sqlite3.connect(aggregates)) as connection:
        connection.execute("UPDATE state SET revision = ?", (known + 1,))
        connection.commit()
    sync_file(aggregates)


def _become_another_node(incoming: DataDirectory, others: list[DataDirectory]) -> None:
    """Give the restored directory a new node: ids above the restored ones were given out before, for other events.

    A backup of an older program has no node: its events belong to the node that its directory has now.
    """
    known = (read_node(directory.node) for directory in (incoming, *others))
    node = next((one for one in known if one is not None), None)
    if node is not None:
        write_node(incoming.node, node.successor(_last_ids(incoming)))


def _last_ids(directory: DataDirectory) -> dict[str, int]:
    """Return the last id that was given out on each day that has events."""
    with read_only(directory.aggregates) as connection:
        # The first schema does not record retired days.
        columns = {row[1] for row in connection.execute("PRAGMA table_info(segments)")}
        there = "WHERE retired_at IS NULL" if "retired_at" in columns else ""
        watermarks = dict(connection.execute(f"SELECT day, watermark FROM segments {there}").fetchall())
    log = LogReader(directory)
    return {day: max(watermarks.get(day, 0), log.last_id(day)) for day in {*watermarks, *log.days()}}


def _revision(aggregates: Path) -> int:
    revision = _recorded(aggregates, "revision")
    return -1 if revision is None else revision


def _recorded(aggregates: Path, expression: str) -> Any:
    """Return what a database records, as an expression beside its state; None if nothing, or if it cannot be read."""
    try:
        with read_only(aggregates) as connection:
            return connection.execute(f"SELECT {expression} FROM state").fetchone()[0]
    except (sqlite3.Error, OperatorError, TypeError):
        return None


def _copy(backup: Path, replacement: Replacement, manifest: Manifest, on_bytes: Progress) -> None:
    replacement.begin()
    targets = {file.name: replacement.incoming_path(file.name) for file in manifest.files}
    for disk in {target.parent.stat().st_dev: target.parent for target in targets.values()}.values():
        on_it = (file for file in manifest.files if targets[file.name].parent.stat().st_dev == disk.stat().st_dev)
        needed, free = sum(file.bytes for file in on_it), shutil.disk_usage(disk).free
        if needed > free:
            raise DataDirectoryError(f"the disk of {disk.parent} has {free} bytes free, {needed} are needed: free some")
    for file in manifest.files:
        source, target = backup / file.name, targets[file.name]
        if source.is_file():
            shutil.copyfile(source, target)
            # A file system without modes shows a mode that the file never had.
            target.chmod(stat.S_IMODE(source.stat().st_mode) & 0o600)
            sync_file(target)
        _verify(source, target, file.sha256, on_bytes)
    for folder in (replacement.incoming_events, replacement.incoming):
        sync_folder(folder)


def _verify(source: Path, target: Path, sha256: str, on_bytes: Progress) -> None:
    if not target.exists():
        raise DamagedError(f"{source} is missing: choose another backup, nothing was changed")
    if digest(target, on_bytes) != sha256:
        raise DamagedError(f"{source} is damaged: choose another backup, nothing was changed")
