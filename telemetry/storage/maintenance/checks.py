"""What can be wrong with a data directory besides its numbers, found without changing anything."""

import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from telemetry.clock import Clock, column_seconds, column_time, day_of
from telemetry.operator_errors import DamagedError, NoDataError, OperatorError
from telemetry.storage.aggregates.key_file import find_key
from telemetry.storage.aggregates.loss import missing_segments, missing_sentence
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.file_sizes import free_bytes
from telemetry.storage.directory.own_files import bytes_below, folders_aside, own_paths
from telemetry.storage.directory.segment_files import SEALED_MODE, WRITABLE_MODE, foreign_files, segment_name
from telemetry.storage.erasure.erasures import is_unreadable, known_erasures
from telemetry.storage.log.saved_files import saved_advice, saved_files
from telemetry.storage.maintenance.refusal_record import RefusalRecord
from telemetry.storage.sqlite.copying import PATIENCE_S, Progress, damage
from telemetry.storage.sqlite.database import WAL_RESET_RACE, DatabaseKind
from telemetry.storage.sqlite.errors import damage_sentence
from telemetry.storage.sqlite.migrations import is_of_kind, newest_version, other_kind_sentence
from telemetry.storage.sqlite.reading import read_only
from telemetry.wording import amount, were

_CLOCK_TOLERANCE_S = 60
_DISK_DAYS = 7
_DISK_BYTES_MIN = 256 * 1024 * 1024


class Severity(StrEnum):
    """How bad it is: an error needs a person, a warning can wait, a note only informs."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Finding(NamedTuple):
    """Something a check found, and a sentence that says what to do about it."""

    severity: Severity
    subject: str
    sentence: str


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


def check_disk(directory: DataDirectory) -> Iterator[Finding]:
    """Find whether the disk has room for some more days like the largest one."""
    free = free_bytes(directory)
    largest = max((path.stat().st_size for path in directory.segments().values() if path.exists()), default=0)
    for days, severity in ((1, Severity.ERROR), (_DISK_DAYS, Severity.WARNING)):
        if free < max(_DISK_BYTES_MIN, largest * days):
            sentence = f"{free} bytes are free, less than {amount(days, 'day')} may need: free some, or keep fewer days"
            yield Finding(severity, "disk", sentence)
            return


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


def check_sqlite() -> Iterator[Finding]:
    """Find whether this SQLite has a known defect."""
    oldest, newest = WAL_RESET_RACE
    if oldest <= sqlite3.sqlite_version_info <= newest:
        sentence = (
            f"{sqlite3.sqlite_version} can lose data when two programs write to one file: let no other program write "
            "to these, or use a Python with SQLite 3.51.3 or newer"
        )
        yield Finding(Severity.WARNING, "SQLite", sentence)


def check_erasures(directory: DataDirectory) -> Iterator[Finding]:
    """Find installations whose erasing has not come to its end."""
    waiting = sum(not erasure.finished for erasure in known_erasures(directory.aggregates))
    if waiting:
        sentence = f"{amount(waiting, 'installation')} still to be erased: the service does that when it starts"
        yield Finding(Severity.NOTE, "erasures", sentence)


def check_aside(directory: DataDirectory) -> Iterator[Finding]:
    """Find what restores have moved aside and somebody may have forgotten."""
    for folder in folders_aside(directory):
        sentence = f"holds {bytes_below(folder)} bytes that a restore has moved aside: remove it when nobody needs it"
        yield Finding(Severity.NOTE, folder.name, sentence)


def check_id_key(directory: DataDirectory, given: str) -> Iterator[Finding]:
    """Find whether the key of hashed installation ids is missing or another one."""
    if is_unreadable(directory.aggregates):
        return
    try:
        find_key(directory, given)
    except OperatorError as error:
        yield Finding(Severity.ERROR, directory.id_key.name, str(error))


def check_clock(sound: dict[str, Path], clock: Clock) -> Iterator[Finding]:
    """Find whether the clock says a time before the program was made, or before events were received.

    The second may be the fault of a clock that was ahead and is right now.
    """
    now = clock.now()
    if now < clock.not_before:
        month = column_time(clock.not_before)[:7]
        sentence = (
            f"says {column_time(now)} UTC, and this program was made in {month}: set it, as with "
            "`timedatectl set-ntp true`"
        )
        yield Finding(Severity.ERROR, "clock", sentence)
    for day, path in reversed(sound.items()):
        received_at = f"{day} 00:00:00" if day > day_of(column_time(now)) else _newest(path)
        if received_at and column_seconds(received_at) > now + _CLOCK_TOLERANCE_S:
            sentence = (
                f"an event was received at {received_at} UTC, and now it is {column_time(now)}: set the clock, as with "
                "`timedatectl set-ntp true`; if it is right now, it was ahead then, and this warning ends by itself"
            )
            yield Finding(Severity.ERROR if now < clock.not_before else Severity.WARNING, path.name, sentence)
        return


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


def check_refusals(directory: DataDirectory, clock: Clock) -> Iterator[Finding]:
    """Find out from the record of the last day whether clients lose events or are stuck."""
    try:
        day = RefusalRecord.read(directory.refusals).last_day(clock.now())
    except DamagedError as error:
        yield Finding(Severity.WARNING, directory.refusals.name, str(error))
        return
    if day.reject_too_many:
        rejected = sum(day.rejected.values())
        reasons = ", ".join(f"{code} {count}" for code, count in Counter(day.rejected).most_common(3))
        sentence = (
            f"{rejected} of {day.received} events of the last day were rejected ({reasons}): see in the log which "
            "version of the client sends them"
        )
        yield Finding(Severity.WARNING, "rejections", sentence)
    if day.refused:
        sentence = (
            f"{amount(day.refused, 'batch', 'batches')} of the last day, the largest of "
            f"{amount(day.largest_events, 'event')}, {were(day.refused)} refused and "
            "would be again: raise batch_events_retry_max for a while"
        )
        yield Finding(Severity.WARNING, "refused batches", sentence)
    if day.too_large:
        bodies = f"{amount(day.too_large, 'body', 'bodies')} of the last day"
        sentence = f"{bodies} {were(day.too_large)} refused for the size: raise body_bytes_max"
        yield Finding(Severity.WARNING, "refused bodies", sentence)
    if day.deferred:
        batches = f"{amount(day.deferred, 'batch', 'batches')} of the last day"
        sentence = (
            f"{batches} {were(day.deferred)} refused for the size until sent again: raise batch_events_max to take "
            "such batches at once"
        )
        yield Finding(Severity.NOTE, "deferred batches", sentence)


def _newest(path: Path) -> str | None:
    with read_only(path, wait_s=PATIENCE_S) as segment:
        if not segment.execute("PRAGMA user_version").fetchone()[0]:
            return None
        found = segment.execute("SELECT created_at FROM events ORDER BY id DESC LIMIT 1").fetchone()
    return str(found[0]) if found else None
