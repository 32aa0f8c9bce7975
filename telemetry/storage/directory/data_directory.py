"""The data directory: where its files are, and the lock that gives it to one process."""

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from telemetry.operator_errors import DataDirectoryError, InUseError, NoDataError
from telemetry.storage.directory.segment_files import segment_days, segment_name
from telemetry.storage.sqlite.database_files import COMPANIONS, beside
from telemetry.storage.sqlite.syncing import sync_folder

SCRATCH = "scratch-"


class DataDirectory:
    """Names the files under one root; creating it makes the folders durable."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.aggregates = root / "telemetry.db"
        self.events = root / "events"
        self.lock = root / "lock"
        # Of the hashes of installation ids, unless the operator gives the key.
        self.id_key = root / "id.key"
        # Beside the segments, whichever file system they are on: what ``ProvingConnection`` writes to.
        self.witness = self.events / "witness"
        # Public numbers; replaced as a whole.
        self.published = root / "published.db"
        # Labels that the operator lets the public see, or hides from it.
        self.public_labels = root / "public-labels.json"
        # What ``telemetry check`` says of rejected events and refused batches.
        self.refusals = root / "refusals.json"
        # The identity in a cluster, how far the forwarder has come, and the aggregates' rows that the cluster has.
        self.node = root / "node.json"
        self.forwarding = root / "forwarding.json"
        self.forwarded = root / "forwarded.db"
        self.forwarding_lock = root / "forwarding.lock"
        self.publishing_lock = root / "publishing.lock"
        # When and where the last good backup was made.
        self.last_backup = root / "last-backup.json"
        # There while a restore changes the rest.
        self.restoring = root / "restoring"

    def segment(self, day: str) -> Path:
        """Return where the segment of a day is or would be."""
        return self.events / segment_name(day)

    def days(self) -> list[str]:
        """Return the days that have a segment, oldest first."""
        return segment_days(self.events)

    def segments(self) -> dict[str, Path]:
        """Return the segments by day, oldest first."""
        return {day: self.segment(day) for day in self.days()}

    def remove_segment(self, day: str) -> None:
        """Remove a segment that nobody uses, durably, with whatever a reader or a crash left beside it."""
        path = self.segment(day)
        # The database last: as long as it is there, what is left can be found.
        for suffix in (*COMPANIONS, ""):
            beside(path, suffix).unlink(missing_ok=True)
        sync_folder(self.events)

    def create(self) -> None:
        """Make the folders, readable by their owner only; raise ``DataDirectoryError`` if that cannot be done."""
        self.check_whole()
        try:
            for folder in (self.root, self.events):
                _make_folder(folder)
            sync_folder(self.events)
        except OSError as error:
            way = "let this user write there"
            if error.errno == errno.EROFS:
                way = "have it writable: under systemd, name it in ReadWritePaths= of `systemctl edit` of the unit"
            raise DataDirectoryError(
                f"cannot use {self.root} as data directory ({error.strerror}): choose another with --data-dir, or {way}"
            ) from error

    def check_whole(self) -> None:
        """Raise ``DataDirectoryError`` if a restore has changed a part of the directory only."""
        if self.restoring.exists():
            raise DataDirectoryError(
                f"a restore into {self.root} is going on or was interrupted: run `telemetry restore --force` again"
            )

    def check_data(self) -> None:
        """Raise ``NoDataError`` unless a service has kept data here, ``DataDirectoryError`` if it cannot be read."""
        try:
            names = {path.name for path in self.root.iterdir()}
        except FileNotFoundError:
            names = set()
        except OSError as error:
            raise DataDirectoryError(
                f"cannot read {self.root} ({error.strerror}): run this as the user of the service, or choose another "
                "directory with --data-dir"
            ) from error
        if not names & {self.aggregates.name, self.events.name}:
            raise NoDataError(f"{self.root} holds no data: choose the directory of a service with --data-dir")

    @contextmanager
    def locked(self, flag: str = "--data-dir") -> Iterator[None]:
        """Hold the directory for this process, or raise ``InUseError`` at once; ``flag`` chooses another one."""
        try:
            descriptor = os.open(self.lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DataDirectoryError(
                f"cannot write to {self.root} ({error.strerror}): let this user write there"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise InUseError(
                f"another process is using {self.root}: stop it first, or choose another directory with {flag}"
            ) from error
        try:
            for left_over in self.root.glob(f"{SCRATCH}*"):
                shutil.rmtree(left_over, ignore_errors=True)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give the process that holds the lock a folder until the end of the block.

        It is here and not among the system's temporary files because what is worked out there may name installations:
        if this process is killed, the next to hold the lock removes it.
        """
        with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=self.root) as folder:
            yield Path(folder)


def _make_folder(folder: Path) -> None:
    """Make a folder durably; one that exists may lie in a folder that this user may enter and not read."""
    existed = folder.is_dir()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        sync_folder(folder.parent)
    except PermissionError:
        if not existed:
            raise
