"""The event log: every accepted event, in one segment for each UTC day of its receipt."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from telemetry.operator_errors import OperatorError, SegmentUnusableError
from telemetry.storage.aggregates.segment_states import SegmentState
from telemetry.storage.log.archive import Archive
from telemetry.storage.log.segment import Identity, Segment
from telemetry.storage.sqlite.open_file import OpenFile

logger = logging.getLogger(__name__)

_IDENTITIES_PER_READ = 10_000


class EventLog:
    """The log as one sequence. One segment at a time is open for appending.

    ``prepare`` is awaited with each segment before it is used; what it raises is raised.
    """

    def __init__(self, archive: Archive, prepare: Callable[[Segment], Awaitable[None]]) -> None:
        self._archive = archive
        self._prepare = prepare
        self._current: Segment | None = None
        self._using = asyncio.Lock()

    @asynccontextmanager
    async def appending(self, day: str) -> AsyncIterator[Segment]:
        """Hold the open segment of ``day``; until the end of the block it is not closed."""
        async with self._using:
            yield await self.enter(day)

    async def enter(self, day: str) -> Segment:
        """Return the open segment of ``day``, prepared for appending."""
        if self._current is None or self._current.day != day:
            self._leave()
            segment = await self._archive.lend(day)
            try:
                await self._prepare(segment)
            except BaseException:
                self._archive.give_back(segment)
                raise
            self._current = segment
        return self._current

    async def prove_alive(self) -> None:
        """Return when the thread of the open segment has answered, be it with an error; never while it hangs."""
        if self._current is not None:
            with suppress(sqlite3.Error):
                await self._current.last_id()

    async def leave_before(self, day: str) -> None:
        """Let go of the open segment if its day is an earlier one."""
        async with self._using:
            if self._current is not None and self._current.day < day:
                self._leave()

    async def newest(self, events_max: int, since: str) -> AsyncGenerator[list[Identity], None]:
        """Read what tells the newest events received since apart, oldest first, some thousand at a time.

        A segment that cannot be used is passed over, and so is a sealed one that is damaged.
        """
        for state, position in await self._newest_days(events_max, since[:10]):
            after = position
            with _passing_over_unusable(state):
                async with self._reading(state) as segment:
                    while chunk := await segment.read_identities(after, since, _IDENTITIES_PER_READ):
                        yield chunk
                        after = chunk[-1][0]

    async def newest_received_at(self) -> str | None:
        """Return when the last event of the newest segment that can be used was received, or None if there is none."""
        for state in reversed(await self._archive.segments()):
            # Preparing it has reported what cannot be used.
            with suppress(SegmentUnusableError):
                async with self._reading(state) as segment:
                    if newest := await segment.read_before(await segment.last_id() + 1, 1):
                        return newest[0].received_at
        return None

    @property
    def files(self) -> list[OpenFile]:
        """The files of the segments that are open for appending."""
        opened = [*self._archive.opened, *([self._current] if self._current is not None else [])]
        return [segment.file for segment in opened if segment.file is not None]

    async def save(self, file: OpenFile) -> bool:
        """Save what an open file holds, while nobody appends to it."""
        async with self._using:
            return await file.save()

    async def close(self) -> None:
        """Close the open segment, if any; it is opened again when its day is entered."""
        self._leave()
        await self._archive.close()

    def _leave(self) -> None:
        segment, self._current = self._current, None
        if segment is not None:
            self._archive.give_back(segment)

    async def _newest_days(self, events_max: int, first_day: str) -> list[tuple[SegmentState, int]]:
        """Return the days that hold the newest events, oldest first, with the id after which to read each.

        Ids that hold no event any more count as events.
        """
        found: list[tuple[SegmentState, int]] = []
        for state in reversed(await self._archive.segments()):
            if events_max <= 0 or state.day < first_day:
                break
            with _passing_over_unusable(state):
                async with self._reading(state) as segment:
                    last_id = await segment.last_id()
                found.append((state, max(0, last_id - events_max)))
                events_max -= last_id
        return found[::-1]

    @asynccontextmanager
    async def _reading(self, state: SegmentState) -> AsyncIterator[Segment]:
        if state.sealed_at is None:
            yield await self.enter(state.day)
        else:
            async with self._archive.reading(state.day) as segment:
                yield segment


@contextmanager
def _passing_over_unusable(state: SegmentState) -> Iterator[None]:
    """Leave the block if a segment cannot be used, or a sealed one is damaged: nothing that a start needs is in it."""
    try:
        yield
    except (sqlite3.Error, OperatorError) as error:
        if state.sealed_at is None:
            # Preparing it has reported what cannot be used, and has failed at what is damaged.
            if isinstance(error, SegmentUnusableError):
                return
            raise
        logger.warning(
            "a sealed segment cannot be read, what is sent again of it is stored again: run `telemetry check`",
            extra={"day": state.day, "reason": str(error)},
        )
