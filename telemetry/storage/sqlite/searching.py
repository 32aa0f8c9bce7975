"""The process that looks for texts in the unused bytes of a database file, and overwrites them there.

``telemetry.storage.sqlite.scrubbing`` starts it, to look while others write or to overwrite while no one does. It is a
process of its own because closing any descriptor of a file drops all locks that the process has on the file. SQLite
would not know that its locks are gone, and another program could remove the write-ahead log with acknowledged events.
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
_SPANS_PER_SYNC = 64


def find(content: mmap.mmap, texts: Collection[bytes]) -> Iterator[int]:
    """Return where unused bytes hold one of the texts; without texts, a place in each unused span that is not zeros."""
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
            # A checkpoint may have written half of a page. Overwriting looks again while no one writes.
            yield at


def overwrite(content: mmap.mmap, places: Collection[int]) -> None:
    """Fill the unused bytes around some places of a file with zeros, durably."""
    view = memoryview(content)
    file = DatabaseFile(view)
    for span in filter(None, map(file.unused_around, places)):
        first, end = span
        view[first:end] = bytes(end - first)
    del file
    view.release()
    content.flush()


def clear(content: mmap.mmap, texts: Collection[bytes]) -> None:
    """Fill all unused bytes around the texts with zeros, durably, in a file that no one else writes.

    Without texts, all unused bytes are filled. Raises ``NotUnderstoodError``.
    """
    view = memoryview(content)
    file = DatabaseFile(view)
    places = sorted({at for text in texts for at in _all(content, text)})
    spans = filter(None, map(file.unused_around, places)) if texts else file.all_unused()
    for number, (first, end) in enumerate(spans, 1):
        if content[first:end].strip(b"\0"):
            view[first:end] = bytes(end - first)
        # The syncs of other files wait for what is written here: leave the disk little at a time.
        if number % _SPANS_PER_SYNC == 0:
            content.flush()
    content.flush()


def _all(content: mmap.mmap, text: bytes) -> Iterator[int]:
    at = content.find(text)
    while at >= 0:
        yield at
        at = content.find(text, at + 1)


@contextmanager
def mapped(path: Path, access: int) -> Iterator[mmap.mmap]:
    """Map a file that is not empty into the memory; changes are durable at the end of the block."""
    with path.open("rb" if access == mmap.ACCESS_READ else "r+b") as file:
        # The map is not closed: views of it may be left, and the process ends soon.
        yield mmap.mmap(file.fileno(), 0, access=access)
        if access != mmap.ACCESS_READ:
            os.fsync(file.fileno())


def main() -> None:
    """Look for the texts on standard input, one a line, and print the places found.

    Or overwrite at the places on standard input, one set a line, and acknowledge each set. Texts do not come as
    arguments, which other users could see.
    """
    mode, path, parent = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if mode == LOOKING:
        step_back(parent)
        texts = sys.stdin.buffer.read().splitlines()
        if path.stat().st_size:
            with mapped(path, mmap.ACCESS_READ) as content:
                sys.stdout.write("".join(f"{at}\n" for at in find(content, texts)))
        sys.stdout.write(ENDED.decode())
        return
    end_with(parent)
    for line in sys.stdin:
        with mapped(path, mmap.ACCESS_WRITE) as content:
            overwrite(content, list(map(int, line.split())))
        sys.stdout.buffer.write(ENDED)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
