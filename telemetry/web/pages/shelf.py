"""Shelf: what was rendered from one publication, in memory until the next."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from telemetry.published.closed_days import Stamp, file_stamp
from telemetry.published.dashboard.overview import Overview, overview
from telemetry.published.dashboard.spans import Span
from telemetry.published.reading import PublicNumbers

KEPT_MAX = 1_024
KEPT_BYTES_MAX = 16 * 1024**2
LOOK_INTERVAL_S = 0.2
"""How old an answer may be after a new publication. To look costs as much as to answer, and hands over the GIL."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A document as it is sent. ``is_there`` is false where nothing is published under its address."""

    body: bytes
    etag: str
    is_there: bool = True


def rendered(body: bytes, *, is_there: bool = True) -> Rendered:
    """Return a document with the ETag that its bytes have."""
    return Rendered(body, f'"{hashlib.sha256(body).hexdigest()[:16]}"', is_there)


class Shelf:
    """Renders a document when it is first asked for, in a thread, and keeps it for as long as the publication lasts.

    At most ``KEPT_MAX`` documents and ``KEPT_BYTES_MAX`` bytes are kept; those that were asked for last stay. A new
    publication is noticed within ``LOOK_INTERVAL_S``, and at once by what has to be rendered.
    """

    def __init__(self, published: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._published = published
        self._monotonic = monotonic
        self._look_at = float("-inf")
        self._kept: OrderedDict[str, Rendered] = OrderedDict()
        self._bytes = 0
        self._state: Stamp | None = None
        self._rendering = asyncio.Lock()

    def find(self, key: str) -> Rendered | None:
        """Return the document with a key if it is kept."""
        if self._monotonic() >= self._look_at:
            self._look()
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    async def get(self, key: str, render: Callable[[], Rendered]) -> Rendered:
        """Return the document with a key, rendered if it is not kept."""
        if (found := self.find(key)) is not None:
            return found
        self._look()
        # One at a time, so that many who ask for the same document cost no more than one.
        async with self._rendering:
            if (found := self._kept.get(key)) is not None:
                return found
            state = self._state
            made = await asyncio.to_thread(render)
            if state == self._state and made.is_there:
                self._keep(key, made)
            return made

    def _look(self) -> None:
        self._look_at = self._monotonic() + LOOK_INTERVAL_S
        state = file_stamp(self._published)
        if state != self._state:
            self._state = state
            self._kept.clear()
            self._bytes = 0

    def _keep(self, key: str, made: Rendered) -> None:
        self._kept[key] = made
        self._bytes += len(made.body)
        while len(self._kept) > KEPT_MAX or self._bytes > KEPT_BYTES_MAX:
            _, removed = self._kept.popitem(last=False)
            self._bytes -= len(removed.body)


class Overviews:
    """The overviews of one publication, one for each span; to be asked by one thread at a time."""

    def __init__(self) -> None:
        self._stamp: Stamp | None = None
        self._read: dict[Span, Overview | None] = {}

    def get(self, stamp: Stamp | None, numbers: PublicNumbers, span: Span) -> Overview | None:
        """Return what a span shows of numbers that were opened after their file had the stamp."""
        if stamp != self._stamp:
            self._stamp = stamp
            self._read.clear()
        if span not in self._read:
            self._read[span] = overview(numbers, span)
        return self._read[span]
