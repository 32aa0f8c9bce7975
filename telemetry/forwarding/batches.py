"""Batches: events of one day and one node as compressed lines; a service may be running."""

import re
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from telemetry.cluster.text import line_escaped
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.node import ClusterNode, OwnedSpan
from telemetry.storage.log.segment import check_order
from telemetry.storage.sqlite.queries import query
from telemetry.storage.sqlite.reading import reading

BATCH_EVENTS_MAX = 50_000
BATCH_BYTES_MAX = 16_777_216
# A page is read in some ten milliseconds: the write-ahead log cannot be reused while a transaction is open.
_PAGE_EVENTS = 5_000
_COLUMNS = 9
# Fast rather than small: the network within a data centre is not the bottleneck.
_COMPRESSION_LEVEL, _GZIP = 1, 31
_MOMENT = re.compile(rb"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d")

_Columns = tuple[int, bytes, bytes, bytes, bytes, bytes, bytes]


class PackedEvents(NamedTuple):
    """``events`` lines, compressed; once the cluster has them, it has the day up to the id ``last``."""

    day: str
    last: int
    events: int
    compressed: bytes


def batches(directory: DataDirectory, node: ClusterNode, day: str, after: int, last: int) -> Iterator[PackedEvents]:
    """Return the events of a day with ids above ``after`` up to ``last``, in the order of their ids.

    A batch without events means that the rest was erased. Raises ``OperatorError`` or ``sqlite3.Error`` if the segment
    cannot be read, ``NoDataError`` if it does not exist.
    """
    for span in node.spans(day):
        end = last if span.last is None else min(last, span.last)
        reached = max(after, span.after)
        while reached < end:
            batch = _batch(directory, span, day, reached, end)
            reached = batch.last
            yield batch


def packed_ahead(packed: Iterator[PackedEvents]) -> Iterator[PackedEvents]:
    """Return the same batches, each packed in a thread while the one before is sent."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        following = thread.submit(next, packed, None)
        while (ready := following.result()) is not None:
            following = thread.submit(next, packed, None)
            yield ready


def _batch(directory: DataDirectory, span: OwnedSpan, day: str, after: int, end: int) -> PackedEvents:
    packer, parts, events, size = zlib.compressobj(_COMPRESSION_LEVEL, zlib.DEFLATED, _GZIP), [], 0, 0
    start = f"{day}\t{span.node}\t".encode()
    while events < BATCH_EVENTS_MAX and size < BATCH_BYTES_MAX and after < end:
        page = _page(directory, day, after, end)
        lines = _lines(day, start, page)
        parts.append(packer.compress(lines))
        size += len(lines)
        events += len(page)
        after = page[-1][0] if len(page) == _PAGE_EVENTS else end
    return PackedEvents(day, after, events, b"".join([*parts, packer.flush()]))


def _page(directory: DataDirectory, day: str, after: int, end: int) -> list[_Columns]:
    path = directory.segment(day)
    with reading(path, "segment") as connection:
        # A text that is not UTF-8 is sent as it is.
        connection.text_factory = bytes
        rows = connection.execute(query("read_events_between"), (after, end, _PAGE_EVENTS)).fetchall()
    check_order(path, [after, *(row[0] for row in rows)])
    return rows


def _lines(day: str, start: bytes, page: list[_Columns]) -> bytes:
    moments = {row[1]: _moment(day, row[1]) for row in page}
    lines = b"\n".join(start + b"\t".join((b"%d" % row[0], moments[row[1]], *row[2:])) for row in page)
    if b"\\" in lines or lines.count(b"\t") != (_COLUMNS - 1) * len(page) or lines.count(b"\n") != len(page) - 1:
        texts = (map(line_escaped, row[2:]) for row in page)
        lines = b"\n".join(
            start + b"\t".join((b"%d" % row[0], moments[row[1]], *own)) for row, own in zip(page, texts, strict=True)
        )
    return lines + b"\n" if page else b""


def _moment(day: str, created_at: bytes) -> bytes:
    """Return when an event was received, or the start of its day if another program wrote something else there."""
    if _MOMENT.fullmatch(created_at):
        with suppress(ValueError):
            datetime.fromisoformat(created_at.decode())
            return created_at
    return f"{day} 00:00:00".encode()
