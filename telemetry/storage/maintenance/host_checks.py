"""What can be wrong with the machine that a data directory is on: disk, clock and SQLite."""

from collections.abc import Iterator
from pathlib import Path

from telemetry.clock import Clock, column_seconds, column_time, day_of
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.file_sizes import free_bytes
from telemetry.storage.maintenance.findings import Finding, Severity
from telemetry.storage.sqlite.copying import PATIENCE_S
from telemetry.storage.sqlite.database import wal_reset_warning
from telemetry.storage.sqlite.reading import read_only
from telemetry.wording import amount

_CLOCK_TOLERANCE_S = 60
_DISK_DAYS = 7
_DISK_BYTES_MIN = 256 * 1024 * 1024


def check_disk(directory: DataDirectory) -> Iterator[Finding]:
    """Find whether the disk has room for some more days like the largest one."""
    free = free_bytes(directory)
    largest = max((path.stat().st_size for path in directory.segments().values() if path.exists()), default=0)
    for days, severity in ((1, Severity.ERROR), (_DISK_DAYS, Severity.WARNING)):
        if free < max(_DISK_BYTES_MIN, largest * days):
            sentence = f"{free} bytes are free, less than {amount(days, 'day')} may need: free some, or keep fewer days"
            yield Finding(severity, "disk", sentence)
            return


def check_sqlite(directory: DataDirectory) -> Iterator[Finding]:
    """Find whether this SQLite has a known defect."""
    if sentence := wal_reset_warning(directory.root):
        yield Finding(Severity.WARNING, "SQLite", sentence)


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


def _newest(path: Path) -> str | None:
    with read_only(path, wait_s=PATIENCE_S) as segment:
        if not segment.execute("PRAGMA user_version").fetchone()[0]:
            return None
        found = segment.execute("SELECT created_at FROM events ORDER BY id DESC LIMIT 1").fetchone()
    return str(found[0]) if found else None
