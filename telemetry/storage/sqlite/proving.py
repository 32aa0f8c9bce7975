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

# Other errors, as of a disk without room or of a file system that knows no such call, say nothing about what was
# written before.
_BROKEN = {errno.EIO, errno.EROFS, errno.EUCLEAN}


class ProvingConnection(sqlite3.Connection):
    """Raises ``sqlite3.OperationalError`` for a transaction that may be lost, and for whatever it executes after it.

    Such a file system has to be unmounted before it can be used again; until then nobody knows what the file holds.
    Transactions are those of ``execute``. ``witness`` is a file on the same file system that holds nothing of value.
    """

    def __init__(self, *args: Any, witness: Path, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._proven = self.total_changes
        self._broken: OSError | None = None
        try:
            self._witness = os.open(witness, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            super().close()
            raise sqlite3.OperationalError(f"cannot write to {witness}: {error.strerror}") from error

    def execute(self, *args: Any) -> sqlite3.Cursor:
        """Execute a statement as ``sqlite3.Connection`` does; if it ended a transaction, prove it."""
        self._check()
        cursor = super().execute(*args)
        if self.total_changes != self._proven and not self.in_transaction:
            self._prove()
            self._check()
            self._proven = self.total_changes
        return cursor

    def close(self) -> None:
        """Close the database and the witness."""
        super().close()
        witness, self._witness = self._witness, -1
        if witness >= 0:
            os.close(witness)

    def _prove(self) -> None:
        try:
            # Of a block that the file has already, so that nothing but its times changes.
            os.posix_fallocate(self._witness, 0, 1)
        except OSError as error:
            if error.errno in _BROKEN:
                self._broken = error

    def _check(self) -> None:
        if self._broken is not None:
            raise sqlite3.OperationalError(
                f"the file system broke at a write ({self._broken.strerror}): repair it, and start the service again"
            ) from self._broken
