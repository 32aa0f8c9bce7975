"""The archive: the segments of all days. It lends one to the event log, and seals and retires the others."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Protocol

from telemetry.operator_errors import OperatorError
from telemetry.storage.aggregates.segment_states import Counts, SegmentState, SegmentStates, missing
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.own_files import size_bytes
from telemetry.storage.directory.segment_files import SEALED_MODE, WRITABLE_MODE, check_usable, kind_of
from telemetry.storage.log.sealing_process import SealingError, SealingProcess
from telemetry.storage.log.segment import Segment
from telemetry.storage.sqlite.background import NotNowError
from telemetry.storage.sqlite.database import Synchronous
from telemetry.storage.sqlite.database_files import LOG, beside
from telemetry.storage.sqlite.disk_room import telling_full
from telemetry.storage.sqlite.journals import roll_back
from telemetry.storage.sqlite.reading import read_only

logger = logging.getLogger(__name__)

# Segments that were given back and are still open. Closing one may checkpoint a large WAL, which can wait.
_OPEN_MAX = 2
# Only another program that rolls the same journal back can be in the way.
_ROLLBACK_WAIT_S = 2.0


class Sealing(Protocol):
    """The sealing of one segment that is under way."""

    day: str
    pid: int

    async def wait(self) -> None:
        """Return when it has ended."""

    async def stop(self) -> None:
        """End it, and return when it has ended."""

    def counts(self) -> Counts:
        """Return what the sealed segment holds; raise ``NotNowError`` or an error if it is not sealed."""


StartSealing = Callable[[Path, int], Awaitable[Sealing]]
"""Begins to seal a segment, of which the events up to a watermark are counted."""


class Archive:
    """Owns the segment files. Each has one user at a time: the event log, sealing, or retention."""

    def __init__(
        self,
        directory: DataDirectory,
        states: SegmentStates,
        *,
        synchronous: Synchronous,
        start_sealing: StartSealing = SealingProcess.start,
    ) -> None:
        self.states = states
        self._directory = directory
        self._synchronous = synchronous
        self._start_sealing = start_sealing
        self._lent: str | None = None
        self._open: dict[str, Segment] = {}
        self._sealing: Sealing | None = None
        # Held while a segment changes hands, never while one is being sealed.
        self._turn = asyncio.Lock()

    @property
    def sealing_pid(self) -> int | None:
        """The process that is sealing a segment or erasing from one, or None."""
        return self._sealing.pid if self._sealing else None

    @property
    def opened(self) -> list[Segment]:
        """Segments that were given back and are still open."""
        return list(self._open.values())

    async def segments(self) -> list[SegmentState]:
        """Return the state of each day that has a segment, oldest first; the retired ones are as good as gone."""
        async with self._turn:
            states = await self.states.all()
            found = [states.get(day, SegmentState(day)) for day in self._directory.days()]
            return [self._as_it_is(state) for state in found if state.retired_at is None]

    async def missing(self) -> list[SegmentState]:
        """Return the state of each day whose segment is gone though nobody retired it, oldest first."""
        async with self._turn:
            return missing((await self.states.all()).values(), self._directory.days())

    async def give_up(self, day: str, retired_at: str) -> None:
        """Mark a missing segment as one that was retired."""
        async with self._turn:
            state = await self.states.get(day)
            with suppress(NotNowError):
                await self.states.retire(day, state.watermark, retired_at)

    async def lend(self, day: str) -> Segment:
        """Return the segment of a day, open for appending; a sealed one is opened again, a retired one begins anew."""
        async with self._turn:
            if self._sealing is not None and self._sealing.day == day:
                await self._stop_sealing()
            while len(self._open) >= _OPEN_MAX and day not in self._open:
                await self._close(next(iter(self._open)))
            segment = self._open.pop(day, None) or await self._open_again(day)
            self._lent = day
            return segment

    def give_back(self, segment: Segment) -> None:
        """Take over a segment that was lent, open as it is."""
        self._lent = None
        self._open[segment.day] = segment

    @asynccontextmanager
    async def reading(self, day: str) -> AsyncIterator[Segment]:
        """Open a sealed segment for reading, until the end of the block."""
        path = self._directory.segment(day)
        check_usable(path, to_write=False)
        segment = await Segment.open_sealed(path)
        try:
            yield segment
        finally:
            await segment.close()

    async def migrate(self, state: SegmentState) -> int:
        """Bring a segment to the newest schema, and return its version; one that was sealed has it already."""
        if state.sealed_at is not None:
            async with self.reading(state.day) as segment:
                return await segment.schema_version()
        segment = await self.lend(state.day)
        self.give_back(segment)
        version = await segment.schema_version()
        await self.close()
        return version

    async def seal(self, day: str, sealed_at: str, erased: Collection[str] | None = None) -> int | None:
        """Seal a segment; return its bytes, or None if it was needed meanwhile.

        With ``erased``, erase the events of these installations first; a sealed segment is then sealed again. Raises
        ``NotNowError``, ``SealingError``, ``SegmentUnusableError`` or ``sqlite3.Error``; then it can be done again.
        """
        path = self._directory.segment(day)
        async with self._turn:
            if day == self._lent:
                return None
            if self._sealing is not None:
                raise NotNowError("another segment is being sealed")
            await self._create(day)
            await self._close(day)
            if erased is not None:
                await self._unseal(day)
            watermark = (await self.states.get(day)).watermark
            if erased is None:
                sealing = self._sealing = await self._start_sealing(path, watermark)
            else:
                sealing = self._sealing = await SealingProcess.start(path, watermark, erased)
        await sealing.wait()
        async with self._turn:
            if self._sealing is not sealing:
                return None
            self._sealing = None
            # A process that was killed has left what others, who may only read, cannot undo.
            await self._roll_back(day)
            await self.states.seal(day, watermark, sealing.counts(), sealed_at)
            return path.stat().st_size

    async def retire(self, day: str, retired_at: str) -> bool:
        """Remove a segment, if it is not in use and all its events are counted; return whether it is gone."""
        async with self._turn:
            if self.is_in_use(day):
                return False
            state = await self.states.get(day)
            if state.sealed_at is None and not await self._is_counted(state):
                return False
            await self._close(day)
            # In this order: what is removed must not be missed at the next start.
            with suppress(NotNowError):
                await self.states.retire(day, state.watermark, retired_at)
                await self._remove(day)
                return True
            return False

    def is_in_use(self, day: str) -> bool:
        """Tell whether a segment is lent or is being sealed."""
        return day == self._lent or (self._sealing is not None and day == self._sealing.day)

    def bytes_of(self, day: str) -> int:
        """Return how much a segment and its write-ahead log take on the disk."""
        path = self._directory.segment(day)
        return size_bytes(path) + size_bytes(beside(path, LOG))

    async def finish_retiring(self) -> None:
        """Remove what a crash has left of retired segments."""
        async with self._turn:
            states = await self.states.all()
            for day in self._directory.days():
                if day in states and states[day].retired_at is not None and not self.is_in_use(day):
                    await self._close(day)
                    # It may be there again since.
                    if (await self.states.get(day)).retired_at is not None:
                        await self._remove(day)

    async def stop_sealing(self) -> None:
        """Stop the sealing that is under way, if any; it is done again later."""
        async with self._turn:
            await self._stop_sealing()

    async def close(self) -> None:
        """Close everything that is open."""
        async with self._turn:
            await self._stop_sealing()
            for day in list(self._open):
                await self._close(day)

    def _as_it_is(self, state: SegmentState) -> SegmentState:
        # A sealed file that can be written was restored or changed by somebody: it is looked at, and sealed again.
        try:
            mode = self._directory.segment(state.day).stat().st_mode
        except FileNotFoundError:
            # It was removed in the meantime.
            return state
        return state._replace(sealed_at=None) if mode & WRITABLE_MODE != SEALED_MODE else state

    async def _open_again(self, day: str) -> Segment:
        path = self._directory.segment(day)
        if (await self.states.get(day)).retired_at is not None and kind_of(path) is None:
            await self._remove(day)
        await self._unseal(day)
        with telling_full(path):
            return await Segment.open(path, synchronous=self._synchronous, witness=self._directory.witness)

    async def _unseal(self, day: str) -> None:
        """Let a segment be written; raise ``SegmentUnusableError`` if this user cannot."""
        check_usable(self._directory.segment(day), to_write=True)
        if (await self.states.get(day)).sealed_at is not None:
            logger.info("a sealed segment is opened again", extra={"day": day})
            await self.states.unseal(day)

    async def _create(self, day: str) -> None:
        """Make the tables of a segment whose creation failed, as on a full disk; it holds no events."""
        if day in self._open or not await asyncio.to_thread(_has_no_tables, self._directory.segment(day)):
            return
        try:
            self._open[day] = await self._open_again(day)
        except OperatorError as error:
            raise SealingError(str(error)) from error

    async def _is_counted(self, state: SegmentState) -> bool:
        segment = self._open.get(state.day) or await self._open_again(state.day)
        self._open[state.day] = segment
        return await segment.last_id() <= state.watermark

    async def _remove(self, day: str) -> None:
        # To give back the blocks of a large file takes a while.
        await asyncio.to_thread(self._directory.remove_segment, day)

    async def _close(self, day: str) -> None:
        if (segment := self._open.pop(day, None)) is not None:
            # What was acknowledged is durable; a checkpoint that fails here is made up for at the next opening.
            with suppress(sqlite3.Error):
                await segment.close()

    async def _stop_sealing(self) -> None:
        sealing, self._sealing = self._sealing, None
        if sealing is not None:
            await sealing.stop()
            await self._roll_back(sealing.day)

    async def _roll_back(self, day: str) -> None:
        """Undo what a killed sealing process had begun; a journal holds few pages, as most of an index is new ones."""
        try:
            await asyncio.to_thread(roll_back, self._directory.segment(day), wait_s=_ROLLBACK_WAIT_S)
        except (sqlite3.Error, OSError) as error:
            logger.warning(
                "what sealing left is rolled back when the segment is opened again",
                extra={"day": day, "reason": str(error)},
            )


def _has_no_tables(segment: Path) -> bool:
    try:
        with read_only(segment) as connection:
            return not connection.execute("PRAGMA user_version").fetchone()[0]
    except (sqlite3.Error, OperatorError):
        # Sealing reports a damaged segment.
        return False
