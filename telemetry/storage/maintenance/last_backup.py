"""When and where the last good backup of a data directory was made, in a small file there.

The service's metrics and ``telemetry check`` read it, so that an operator notices when backups stop.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

import msgspec

from telemetry.clock import Clock
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.maintenance.findings import Finding, Severity
from telemetry.wording import amount

logger = logging.getLogger(__name__)

_DAY_S = 86_400
# A host may be off for one night.
_AGE_DAYS_MAX = 2


class LastBackup(msgspec.Struct, frozen=True):
    """A backup that lacked nothing: when it was begun, in UTC, and its folder."""

    made_at: str
    folder: str

    @property
    def seconds(self) -> float:
        """When it was begun, in seconds since 1970."""
        return datetime.fromisoformat(self.made_at).timestamp()


def record_backup(directory: DataDirectory, backup: LastBackup) -> None:
    """Note a good backup; log a warning if this user may not write to the data directory."""
    path = directory.last_backup
    written = path.with_name(f"{path.name}.new")
    try:
        folder = os.fsencode(backup.folder).decode(errors="backslashreplace")
        written.write_bytes(msgspec.json.encode(msgspec.structs.replace(backup, folder=folder)))
        written.chmod(0o600)
        with suppress(PermissionError):
            # If root makes the backup, the file belongs to the user of the service.
            owner = directory.root.stat()
            os.chown(written, owner.st_uid, owner.st_gid)
        written.replace(path)
    except OSError as error:
        logger.warning(
            "the backup is good, but its time cannot be noted beside the data: metrics and check do not know of it",
            extra={"path": str(path), "reason": error.strerror},
        )


def last_backup(directory: DataDirectory) -> LastBackup | None:
    """Return the last good backup that was noted, or None."""
    try:
        backup = msgspec.json.decode(directory.last_backup.read_bytes(), type=LastBackup)
        datetime.fromisoformat(backup.made_at)
    except (OSError, ValueError, msgspec.DecodeError):
        return None
    return backup


def check_last_backup(directory: DataDirectory, clock: Clock) -> Iterator[Finding]:
    """Find whether the data has a backup that is not too old."""
    backup, days = last_backup(directory), directory.days()
    if backup is None:
        if len(days) > _AGE_DAYS_MAX:
            sentence = (
                "none is known: run `telemetry backup`, and have it run each night, as with "
                "`systemctl enable --now drift-telemetry-backup@<instance>.timer`"
            )
            yield Finding(Severity.WARNING, "backup", sentence)
        return
    age_days = int((clock.now() - backup.seconds) // _DAY_S)
    if age_days >= _AGE_DAYS_MAX:
        sentence = (
            f"the last good one is {backup.folder}, {amount(age_days, 'day')} old: see why no other was made, as with "
            "`journalctl -u 'drift-telemetry-backup@*'`, and run `telemetry backup`"
        )
        yield Finding(Severity.WARNING, "backup", sentence)
