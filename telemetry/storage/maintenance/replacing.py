"""Putting restored files into the place of a data directory's own, which are moved aside.

The files move, not the folders: the root and ``events`` may be mount points, ``events`` also a link to another disk.
What becomes ``events`` waits on the disk of ``events``, and what was there stays on it.
"""

import errno
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from telemetry.operator_errors import DataDirectoryError
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.own_files import ASIDE, INCOMING, data_files, folders_aside
from telemetry.storage.sqlite.syncing import sync_folder


class Move(NamedTuple):
    """A file, and where it goes."""

    source: Path
    target: Path


class Replacement:
    """Replaces the databases of a locked data directory by what was copied into ``incoming`` and ``incoming_events``.

    From the first move to the last the directory is marked, so that nothing but another restore opens it.
    """

    def __init__(self, directory: DataDirectory) -> None:
        _check_usable(directory)
        self._directory = directory
        self._room = _events_room(directory)
        self.incoming = directory.root / INCOMING
        self.incoming_events = self._room / INCOMING / directory.events.name
        self._remove_left_over()

    def begin(self) -> None:
        """Make the folders to copy into."""
        self.incoming.mkdir(mode=0o700)
        self.incoming_events.mkdir(mode=0o700, parents=True)

    def incoming_path(self, name: str) -> Path:
        """Return where a file of a backup is copied to."""
        parent, _, file = name.rpartition("/")
        return self.incoming_events / file if parent else self.incoming / file

    def abandon(self) -> None:
        """Remove what was copied."""
        for room in {self._directory.root, self._directory.events}:
            shutil.rmtree(room / INCOMING, ignore_errors=True)

    def carry_out(self, time: str) -> Path | None:
        """Move what is there aside, if there is anything, and what was copied into its place; return where it went.

        Raises ``DataDirectoryError``, with everything back in its place, if a file cannot be moved aside.
        """
        directory, restoring = self._directory, self._directory.restoring
        interrupted = restoring.exists()
        if interrupted:
            # What an earlier restore had not put into place yet is in the backup that it came from.
            for path in restoring.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        # In the place of an empty folder this is one step.
        self.incoming.rename(restoring)
        sync_folder(directory.root)
        try:
            aside = self._move_aside(time)
        except OSError as error:
            if not interrupted:
                restoring.rename(self.incoming)
            self.abandon()
            sync_folder(directory.root)
            raise DataDirectoryError(
                f"{error.filename} cannot be moved aside ({error.strerror}), nothing was changed: let this user move "
                "it, unmount it if it is mounted, or choose another directory with --to"
            ) from error
        self._move_in()
        return aside

    def _remove_left_over(self) -> None:
        """Remove what interrupted restores have left that holds nothing of worth."""
        self.abandon()
        for folder in folders_aside(self._directory):
            # Only if it is empty.
            with suppress(OSError):
                if (folder / self._directory.events.name).is_dir():
                    (folder / self._directory.events.name).rmdir()
                folder.rmdir()

    def _move_aside(self, time: str) -> Path | None:
        directory = self._directory
        present = data_files(directory)
        if not present:
            return None
        name = self._unused(f"{ASIDE}{time}")
        aside, aside_events = directory.root / name, self._room / name / directory.events.name
        folders = {directory.root: aside, directory.events: aside_events}
        made: list[Path] = []
        try:
            for folder in dict.fromkeys((aside, aside_events.parent, aside_events)):
                folder.mkdir(mode=0o700)
                made.append(folder)
            _move_all([Move(path, folders[path.parent] / path.name) for path in present])
        except OSError:
            for folder in reversed(made):
                folder.rmdir()
            raise
        if self._room != directory.root:
            (aside / directory.events.name).symlink_to(os.path.realpath(aside_events))
        for folder in {aside, aside_events, self._room, directory.root, directory.events}:
            sync_folder(folder)
        return aside

    def _move_in(self) -> None:
        directory, restoring = self._directory, self._directory.restoring
        staged_events = self.incoming_events
        if self._room == directory.root:
            staged_events = restoring / directory.events.name
        directory.events.mkdir(mode=0o700, exist_ok=True)
        for folder, target in ((staged_events, directory.events), (restoring, directory.root)):
            for path in sorted(folder.iterdir()):
                if path != staged_events:
                    path.rename(target / path.name)
            sync_folder(target)
        staged_events.rmdir()
        if self._room != directory.root:
            staged_events.parent.rmdir()
        restoring.rmdir()
        sync_folder(directory.root)

    def _unused(self, stem: str) -> str:
        name, number = stem, 1
        while (self._directory.root / name).exists() or (self._room / name).exists():
            number += 1
            name = f"{stem}-{number}"
        return name


def _move_all(moves: list[Move]) -> None:
    """Move every file, or none: those that were moved go back if one cannot be."""
    moved: list[Move] = []
    try:
        for move in moves:
            move.source.rename(move.target)
            moved.append(move)
    except OSError:
        for move in reversed(moved):
            move.target.rename(move.source)
        raise


def _check_usable(directory: DataDirectory) -> None:
    """Raise ``DataDirectoryError`` unless files can be moved from and to both folders."""
    for folder in (directory.root, directory.events):
        if folder.is_symlink() and not folder.exists():
            raise DataDirectoryError(
                f"{folder} leads to {folder.readlink()}, which is not there: mount or make it first"
            )
        if folder.exists() and not folder.is_dir():
            raise DataDirectoryError(f"{folder} is not a folder: move it away, or choose another directory with --to")
        if folder.exists() and not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
            raise DataDirectoryError(f"cannot write to {folder}: let this user write there, nothing was changed")


def _events_room(directory: DataDirectory) -> Path:
    """Return the folder whose files can become those of ``events``: the root, unless ``events`` is on another disk."""
    # No file has this name; whether it could move is told before it is looked for.
    name = secrets.token_hex(16)
    with suppress(FileNotFoundError):
        try:
            (directory.events / name).rename(directory.root / name)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            return directory.events
    return directory.root
