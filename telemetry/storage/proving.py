"""A connection that believes what SQLite made durable only once the file system has proved that it still works.

When an error makes an ext4 file system read-only, a sync that is under way may report success although the new length
of its file was dropped together with the file system's journal (seen with Linux 6.18). Whatever needs the journal
afterwards fails, and a few microseconds tell.
"""

import errno
import os
import sqlite3
from pathlib import Path
from typing import Any

_BROKEN = {errno.EROFS, errno.EIO}


class ProvingConnection(sqlite3.Connection):
    """Raises ``sqlite3.OperationalError`` for a transaction that may be lost, and for every statement after it.

    Such a file system has to be unmounted before it can be used again; until then nobody knows what the file holds.
    ``witness`` is a file on the same file system that holds nothing of value.
    """

    def __init__(self, *args: Any, witness: Path, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._witness = witness
        self._proven = self.total_changes
        self._broken: OSError | None = None

    def execute(self, *args: Any) -> sqlite3.Cursor:
        """Execute a statement as ``sqlite3.Connection`` does; if it ended a transaction, prove it."""
        self._check()
        cursor = super().execute(*args)
        if self.total_changes != self._proven and not self.in_transaction:
            self._broken = touch(self._witness)
            self._check()
            self._proven = self.total_changes
        return cursor

    def _check(self) -> None:
        if self._broken is not None:
            raise sqlite3.OperationalError(
                f"the file system broke at a write ({self._broken.strerror}): repair it, and start the service again"
            ) from self._broken


def touch(witness: Path) -> OSError | None:
    """Have the file system note a change in its journal; return the error if it cannot write any more."""
    try:
        descriptor = os.open(witness, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            # Of a block that the file has already, so that nothing but its times changes.
            os.posix_fallocate(descriptor, 0, 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        # Another error, as of a disk without room, says nothing about what was written before.
        return error if error.errno in _BROKEN else None
    return None
