"""The process that looks for texts where a database file holds nothing, and overwrites them there.

``telemetry.storage.sqlite.scrubbing`` starts it: to look while others write, or to overwrite while nobody does. To
close any descriptor of a file drops all locks that a process has on it. SQLite would not know that its own are gone,
and another program could take the write-ahead log away from under it, with events that were acknowledged.
"""

import mmap
import os
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from telemetry.storage.sqlite.background import end_with, step_back
from telemetry.storage.sqlite.unused_bytes import DatabaseFile, NotUnderstoodError

LOOKING, OVERWRITING = "looking", "overwriting"
ENDED = b"done\n"


def find(content: mmap.mmap, texts: Collection[bytes]) -> Iterator[int]:
    """Return where a file holds one of the texts and no row; without texts, a place in all room that is not zeros."""
    if not texts:
        file = DatabaseFile(memoryview(content))
        yield from (first for first, end in file.all_unused() if content[first:end].strip(b"\0"))
        return
    places = sorted({at for text in texts for at in _all(content, text)})
    if not places:
        return
    for at in places:
        try:
            if DatabaseFile(memoryview(content)).unused_around(at) is not None:
                yield at
        except NotUnderstoodError:
            # A checkpoint may have written half of it. Whoever overwrites looks again when nobody writes.
            yield at


def overwrite(content: mmap.mmap, places: Collection[int]) -> None:
    """Fill with zeros what is not used around some places of a file, durably."""
    view = memoryview(content)
    file = DatabaseFile(view)
    for span in filter(None, map(file.unused_around, places)):
        first, end = span
        view[first:end] = bytes(end - first)
    del file
    view.release()
    content.flush()


def _all(content: mmap.mmap, text: bytes) -> Iterator[int]:
    at = content.find(text)
    while at >= 0:
        yield at
        at = content.find(text, at + 1)


@contextmanager
def _mapped(path: Path, access: int) -> Iterator[mmap.mmap]:
    with path.open("rb" if access == mmap.ACCESS_READ else "r+b") as file:
        # It is not closed: views of it may be left, and the process ends.
        yield mmap.mmap(file.fileno(), 0, access=access)
        if access != mmap.ACCESS_READ:
            os.fsync(file.fileno())


def main() -> None:
    """Look for the lines that come from standard input, where nobody sees whom they name, and print the places found.

    Or overwrite at the places that come from there, one set a line, and say of each set that it is done.
    """
    mode, path, parent = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if mode == LOOKING:
        step_back(parent)
        texts = sys.stdin.buffer.read().splitlines()
        if path.stat().st_size:
            with _mapped(path, mmap.ACCESS_READ) as content:
                sys.stdout.write("".join(f"{at}\n" for at in find(content, texts)))
        sys.stdout.write(ENDED.decode())
        return
    end_with(parent)
    for line in sys.stdin:
        with _mapped(path, mmap.ACCESS_WRITE) as content:
            overwrite(content, list(map(int, line.split())))
        sys.stdout.buffer.write(ENDED)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
