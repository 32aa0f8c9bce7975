"""What can be wrong with the files of a data directory, found without changing anything."""

import os
from collections.abc import Iterator
from pathlib import Path

from telemetry.operator_errors import NoDataError, OperatorError
from telemetry.storage.aggregates.key_file import find_key
from telemetry.storage.aggregates.loss import missing_segments, missing_sentence
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.own_files import bytes_below, folders_aside, own_paths
from telemetry.storage.directory.segment_files import SEALED_MODE, WRITABLE_MODE, foreign_files, segment_name
from telemetry.storage.erasure.erasures import is_unreadable, known_erasures
from telemetry.storage.log.saved_files import saved_advice, saved_files
from telemetry.storage.maintenance.findings import Finding, Severity
from telemetry.storage.sqlite.copying import PATIENCE_S, Progress, damage
from telemetry.storage.sqlite.database import DatabaseKind
from telemetry.storage.sqlite.errors import damage_sentence
from telemetry.storage.sqlite.migrations import is_of_kind, newest_version, other_kind_sentence
from telemetry.storage.sqlite.reading import read_only
from telemetry.wording import amount


def check_database(
    path: Path, kind: DatabaseKind, *, full: bool, on_bytes: Progress, wait_s: float = PATIENCE_S
) -> Iterator[Finding]:
    """Find what is wrong with one file and its schema; an error means that it cannot be read."""
    try:
        size = path.stat().st_size
        with read_only(path, wait_s=wait_s) as connection:
            ((version,),) = connection.execute("PRAGMA user_version")
            found = damage(connection, full=full)
            sentence = damage_sentence(found) if found else None
            if sentence is None and not is_of_kind(connection, kind):
                sentence = other_kind_sentence(kind)
        on_bytes(size)
    except (NoDataError, FileNotFoundError):
        # Retention removed it in the meantime.
        return
    except OperatorError as error:
        yield Finding(Severity.ERROR, path.name, str(error).removeprefix(f"{path} "))
        return
    if sentence:
        yield Finding(Severity.ERROR, path.name, sentence)
    elif version > newest_version(kind):
        yield Finding(Severity.ERROR, path.name, f"has schema version {version}: use the newer program that wrote it")
    elif version < newest_version(kind):
        sentence = f"has schema version {version}, {newest_version(kind)} is current: run `telemetry migrate`"
        yield Finding(Severity.WARNING, path.name, sentence)


def check_permissions(directory: DataDirectory) -> Iterator[Finding]:
    """Find folders and files that others than their owner can read."""
    for path in (directory.root, *own_paths(directory)):
        try:
            mode = path.stat().st_mode & 0o777
        except FileNotFoundError:
            continue
        fitting = {0o700} if path.is_dir() else {WRITABLE_MODE, SEALED_MODE}
        if mode not in fitting:
            needed = max(fitting)
            sentence = f"has mode {mode:04o}: run `chmod {needed:o} {path}`"
            yield Finding(Severity.ERROR, str(path.relative_to(directory.root)), sentence)


def check_owner(directory: DataDirectory) -> Iterator[Finding]:
    """Find files that belong to another user than the directory does, as a command run by root leaves them."""
    owner = directory.root.stat().st_uid
    for path in own_paths(directory):
        try:
            other = path.stat().st_uid != owner
        except FileNotFoundError:
            continue
        if other:
            name = os.fspath(path.relative_to(directory.root))
            sentence = f"belongs to another user than {directory.root}: run `chown --reference={directory.root} {path}`"
            yield Finding(Severity.ERROR, name, sentence)


def check_foreign(directory: DataDirectory) -> Iterator[Finding]:
    """Find what lies beside the segments, looks like one and is ignored."""
    for foreign in foreign_files(directory.events):
        yield Finding(Severity.WARNING, f"{directory.events.name}/{foreign.name}", foreign.sentence)


def check_missing(directory: DataDirectory) -> Iterator[Finding]:
    """Find segments that are gone though nobody retired them, but for those that the next start puts back."""
    saved = {path.stem for _, path in saved_files(directory)}
    for state in missing_segments(directory):
        if state.day not in saved:
            yield Finding(Severity.ERROR, segment_name(state.day), missing_sentence(state))


def check_saved(directory: DataDirectory) -> Iterator[Finding]:
    """Find what was saved of files that were removed or replaced under a running service."""
    for saved, path in saved_files(directory):
        yield Finding(Severity.ERROR, str(saved.relative_to(directory.root)), saved_advice(saved, path))


def check_aside(directory: DataDirectory) -> Iterator[Finding]:
    """Find what restores have moved aside and somebody may have forgotten."""
    for folder in folders_aside(directory):
        sentence = f"holds {bytes_below(folder)} bytes that a restore has moved aside: remove it when nobody needs it"
        yield Finding(Severity.NOTE, folder.name, sentence)


def check_erasures(directory: DataDirectory) -> Iterator[Finding]:
    """Find installations whose erasing has not come to its end."""
    waiting = sum(not erasure.finished for erasure in known_erasures(directory.aggregates))
    if waiting:
        sentence = f"{amount(waiting, 'installation')} still to be erased: the service does that when it starts"
        yield Finding(Severity.NOTE, "erasures", sentence)


def check_id_key(directory: DataDirectory, given: str) -> Iterator[Finding]:
    """Find whether the key of hashed installation ids is missing or another one."""
    if is_unreadable(directory.aggregates):
        return
    try:
        find_key(directory, given)
    except OperatorError as error:
        yield Finding(Severity.ERROR, directory.id_key.name, str(error))
