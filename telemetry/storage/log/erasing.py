"""Erasing from a day that is over: deletes events, overwrites their bytes, and seals the segment again.

It runs in a process of its own as sealing does: ``python -m`` this module with the arguments of sealing. The ids of
installations come on standard input, one a line, because other users could see arguments. Every step can be repeated
after a crash. Like sealing, it imports little.
"""

import json
import mmap
import sqlite3
import sys
from collections.abc import Collection
from pathlib import Path

from telemetry.storage.log.sealing import changing, leave_wal, print_outcome, seal
from telemetry.storage.sqlite.searching import clear, mapped
from telemetry.storage.sqlite.unused_bytes import NotUnderstoodError

# Rows deleted in one transaction: its pages fit into the cache, and a reader waits for no more than this.
_ROWS_PER_DELETE = 5_000
_NEXT = "SELECT id FROM events WHERE installation_id = ? AND id > ? ORDER BY id LIMIT ?"
_DELETE = "DELETE FROM events WHERE id IN (SELECT value FROM json_each(?))"


def erase_and_seal(path: Path, watermark: int, installation_ids: Collection[str]) -> tuple[int, int]:
    """Erase the events of installations, and seal the segment; return how many events and installations it holds.

    Without ids, all unused bytes are overwritten. Raises as ``seal`` does; then the same can be done again.
    """
    with changing(path, watermark) as connection:
        leave_wal(connection)
        connection.execute("PRAGMA secure_delete = ON")
        for installation_id in installation_ids:
            _delete(connection, installation_id)
    # Pages that were split or joined earlier may keep copies of rows. Readers never look at unused bytes.
    with mapped(path, mmap.ACCESS_WRITE) as content:
        try:
            clear(content, [one.encode() for one in installation_ids])
        except NotUnderstoodError as error:
            raise OSError(f"its unused bytes cannot be overwritten ({error})") from error
    return seal(path, watermark)


def _delete(connection: sqlite3.Connection, installation_id: str) -> None:
    after = 0
    while ids := [row[0] for row in connection.execute(_NEXT, (installation_id, after, _ROWS_PER_DELETE))]:
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute(_DELETE, (json.dumps(ids),))
        connection.execute("COMMIT")
        after = ids[-1]


def main() -> None:
    """Erase and seal, and print what sealing prints."""
    installation_ids = sys.stdin.read().splitlines()
    print_outcome(lambda path, watermark: erase_and_seal(path, watermark, installation_ids))


if __name__ == "__main__":
    main()
