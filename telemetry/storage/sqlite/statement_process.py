"""A process that runs one long statement, which reads a database that no one writes and fills a new one.

Its arguments are the new database, the database to attach as ``source``, the statement, and the id of the service's
process, which it never outlives. It imports little, so that it stays small.
"""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from telemetry.storage.sqlite.background import step_back
from telemetry.storage.sqlite.database_files import read_only_uri

DONE = b"done\n"
# Another process may hold the database for a moment, to roll a journal back or to checkpoint as it closes.
_WAIT_S = 5.0


def main() -> None:
    """Run the statement, and print that it is done, or the error."""
    target, source, statement, parent = sys.argv[1:]
    step_back(int(parent))
    try:
        with closing(sqlite3.connect(f"file:{target}", uri=True, isolation_level=None, timeout=_WAIT_S)) as connection:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("ATTACH ? AS source", (read_only_uri(Path(source)),))
            connection.execute(statement)
    except sqlite3.Error as error:
        print(error)
    else:
        sys.stdout.buffer.write(DONE)


if __name__ == "__main__":
    main()
