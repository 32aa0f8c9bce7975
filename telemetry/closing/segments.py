"""The events of a window, by installation: its sealed segments, merged in the order of their index, or one sorted.

A sealed segment is immutable, so it is read without a lock: ingest and erasures never wait for a closing. If a
segment was opened again while it was read, the closing is put off.
"""

import sqlite3
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from heapq import heapify, heappop, heapreplace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec

from telemetry.published.contributions import StoredRow
from telemetry.storage.sqlite.background import NotNowError
from telemetry.storage.sqlite.database_files import immutable_uri
from telemetry.storage.sqlite.queries import query

# All segments of a window share it, however many they are.
_CACHES_KIB = 14_336
_SORTING_CACHE_KIB = 4_096
# Sorting reads one day from end to end, with 40 % of the CPU of a look-up for each event, and needs a temporary file of
# some 90 bytes an event. For the days of a longer window, whose payloads are read, that would be gigabytes.
_SORTED, _INDEXED = "NOT INDEXED", "INDEXED BY idx_events_installation"
_FIRST_DAYS_PER_READ = 1_000
_Groups = Iterator[tuple[bytes, Iterator[StoredRow]]]
# The next installation of a segment, the place of its day, its events, and the installations after it.
_Next = tuple[bytes, int, Iterator[StoredRow], _Groups]
_installation = itemgetter(0)


class SegmentDamagedError(Exception):
    """A sealed segment cannot be read: `telemetry check` says which, and what to do."""


@contextmanager
def merged(
    segments: list[tuple[str, Path, int]], payloads: frozenset[str]
) -> Iterator[Iterator[tuple[bytes, Iterator[StoredRow]]]]:
    """Give the installations with their events, each day's segment up to an id, until the end of the block.

    Raises ``NotNowError`` at the end of the block, or in place of another error, if a segment was changed in between.
    """
    stamps = {path: _stamp(path) for _, path, _ in segments}
    types = msgspec.json.encode(sorted(payloads)).decode()
    days = [day for day, _, _ in segments]
    many = len(segments) > 1
    indexed, cache_kib = (_INDEXED, _CACHES_KIB // len(segments)) if many else (_SORTED, _SORTING_CACHE_KIB)
    sql = query("read_published_events").format(indexed=indexed)
    with ExitStack() as stack, _telling_damage(stamps, days):
        sources = []
        for place, (_, path, last_id) in enumerate(segments):
            connection = stack.enter_context(closing(sqlite3.connect(immutable_uri(path), uri=True)))
            connection.execute(f"PRAGMA cache_size = -{cache_kib}")
            # A text that is no UTF-8 costs its event, not the window.
            connection.text_factory = bytes
            sources.append(connection.execute(sql, (last_id, types, place)))
        yield _by_installation(sources)


def _by_installation(sources: Sequence[Iterator[StoredRow]]) -> Iterator[tuple[bytes, Iterator[StoredRow]]]:
    """Return the installations of all segments with their events, those of the first segment first."""
    # By installation, not by event: there are fewer of them to compare.
    heap: list[_Next] = [
        (first[0], place, first[1], groups)
        for place, groups in enumerate(groupby(source, _installation) for source in sources)
        if (first := next(groups, None))
    ]
    heapify(heap)
    while heap:
        installation = heap[0][0]
        events = _events_of(installation, heap)
        yield installation, events
        # What was not asked for is left out.
        deque(events, maxlen=0)


def _events_of(installation: bytes, heap: list[_Next]) -> Iterator[StoredRow]:
    while heap and heap[0][0] == installation:
        _, place, events, groups = heap[0]
        yield from events
        if following := next(groups, None):
            heapreplace(heap, (following[0], place, following[1], groups))
        else:
            heappop(heap)


@contextmanager
def _telling_damage(stamps: dict[Path, tuple[int, int, int]], days: list[str]) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        _check(stamps)
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
            # There is no room to sort; the segment is good.
            raise
        raise SegmentDamagedError(f"a segment of {days[0]} to {days[-1]} cannot be read ({error})") from error
    _check(stamps)


def _stamp(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _check(stamps: dict[Path, tuple[int, int, int]]) -> None:
    for path, stamp in stamps.items():
        try:
            changed = _stamp(path) != stamp
        except FileNotFoundError:
            changed = True
        if changed:
            raise NotNowError(f"{path.name} was changed while it was read")


class FirstDays:
    """The first day of installations, which are asked for in the order of their ids. Each read is brief."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._page: dict[bytes, str] = {}
        self._last = b""

    def of(self, installation: bytes) -> str | None:
        """Return the first day on which an installation was seen, or None if it is not known."""
        if installation > self._last:
            parameters: tuple[Any, ...] = (installation.decode(errors="replace"), _FIRST_DAYS_PER_READ)
            rows = self._connection.execute(query("read_first_days"), parameters).fetchall()
            self._page = {bytes(row[0]): row[1].decode() for row in rows}
            self._last = max(self._page, default=installation)
            if len(rows) < _FIRST_DAYS_PER_READ:
                self._last = b"\xff"
        return self._page.get(installation)
