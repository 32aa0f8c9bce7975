"""The process that looks for texts in a database file that is in use; ``telemetry.storage.sqlite.scrubbing`` starts it.

To close any descriptor of a file drops all locks that a process has on it. SQLite would not know that its own are gone,
and another program could take the write-ahead log away from under it, with events that were acknowledged.
"""

import mmap
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from telemetry.storage.sqlite.background import step_back

FOUND, NOT_FOUND = b"found\n", b"not found\n"


def contains(path: Path, texts: Iterable[bytes]) -> bool:
    """Tell whether a file holds one of the texts anywhere."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return any(content.find(text) >= 0 for text in texts)


def main() -> None:
    """Look for the lines that come from standard input, where nobody sees whom it names, and print what was found."""
    path, parent = Path(sys.argv[1]), int(sys.argv[2])
    step_back(parent)
    sys.stdout.buffer.write(FOUND if contains(path, sys.stdin.buffer.read().splitlines()) else NOT_FOUND)


if __name__ == "__main__":
    main()
