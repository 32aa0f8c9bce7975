"""The closer: has windows whose days are sealed closed, some at a time, in the order in which they end."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable

import msgspec

from telemetry.clock import Clock, column_time, day_of
from telemetry.published.closings import Closed, Closing, Damaged, Job, Report
from telemetry.published.due import LATE_S, DayIs, DueWindow, days_as_they_are, due
from telemetry.published.overview import missing_from
from telemetry.published.reading import reading_published
from telemetry.published.windows import Period, PublicWindow
from telemetry.storage.aggregates.published_windows import PublishedWindows, RecordedWindow
from telemetry.storage.aggregates.segment_states import SegmentState
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.log.archive import Archive
from telemetry.storage.sqlite.background import NotNowError
from telemetry.storage.sqlite.background_process import BackgroundProcess

logger = logging.getLogger(__name__)

# A module of the room above, which only its process imports.
MODULE = "telemetry.closing"
WINDOWS_MAX = 16
"""Windows that are closed together: a crash costs no more."""
_RETRY_S = 600.0


class ClosingError(Exception):
    """Windows could not be closed; what was published is as good as it was."""


class Closer:
    """Owns what is to be closed when. ``closed`` counts windows, ``failed`` attempts; ``late`` is of the last check."""

    def __init__(
        self,
        directory: DataDirectory,
        archive: Archive,
        recorded: PublishedWindows,
        clock: Clock,
        *,
        threshold: int,
        is_paused: Callable[[], bool] = lambda: False,
    ) -> None:
        self.closed = 0
        self.failed = 0
        self.late = 0
        self.last_duration_s = 0.0
        self._directory = directory
        self._archive = archive
        self._recorded = recorded
        self._clock = clock
        self._threshold = threshold
        self._is_paused = is_paused
        self._checking = asyncio.Lock()
        self._process: BackgroundProcess | None = None
        self._failed_at: float | None = None
        self._closing = False
        self._told_of_loss = False
        # Windows of the present check whose segments cannot be read.
        self._damaged: set[tuple[str, str]] = set()

    @property
    def pid(self) -> int | None:
        """The process that is closing windows, or None."""
        return self._process.pid if self._process else None

    async def check(self) -> None:
        """Close all windows that can be; what cannot be now is left for a later check."""
        async with self._checking:
            self._damaged.clear()
            # While the clock is in doubt, it cannot be told which days are over.
            while not self._closing and not self._is_paused() and not self._failed_lately():
                if not await self._close_some():
                    return

    async def close(self) -> None:
        """Stop what is under way; the next start begins it again."""
        self._closing = True
        if self._process is not None:
            await self._process.stop()

    def _failed_lately(self) -> bool:
        return self._failed_at is not None and self._clock.monotonic() - self._failed_at < _RETRY_S

    async def _close_some(self) -> bool:
        """Close the windows that are next; return whether there may be more."""
        if await self._recorded.erasing():
            # What is half erased would be counted half.
            return False
        await self._adopt()
        states = await self._archive.states.all()
        days = days_as_they_are(states, [state.day for state in await self._archive.segments()])
        still_open = await self._record_due(days, states)
        waiting = [one for one in await self._recorded.all() if one.state == "closing"]
        self.late = sum(one.last_day < self._today(LATE_S) for one in [*still_open, *waiting] if one.generation == 1)
        ready = [one for one in waiting if one[:2] not in self._damaged and await self._can_close(one, days)]
        first = [one for one in ready if one.generation == 1][:WINDOWS_MAX]
        # Corrections come with the next publication, together: what one exclusion changed is not to be told apart.
        return bool(first) and await self._close_windows([*first, *(one for one in ready if one.generation > 1)])

    async def _adopt(self) -> None:
        """Record what is published and not recorded: the aggregates were restored, or lost."""
        all_recorded = await self._recorded.all()
        recorded = {(one.period, one.start) for one in all_recorded}
        with reading_published(self._directory.published) as numbers:
            self._tell_of_loss(missing_from(numbers, all_recorded))
            if numbers is None:
                return
            found = [window for period in Period for window in numbers.windows(period)]
        missing = [one for one in found if (one.period.value, one.start) not in recorded]
        if missing:
            rows = [RecordedWindow(one.period, one.start, one.last_day, "adopted") for one in missing]
            await self._recorded.record(rows)

    def _tell_of_loss(self, lost: list[PublicWindow]) -> None:
        if lost and not self._told_of_loss:
            what = {"windows": len(lost), "last_day": lost[-1].last_day}
            logger.warning("published.db lacks windows that had been published: run `telemetry check`", extra=what)
        self._told_of_loss = bool(lost)

    async def _record_due(self, days: dict[str, DayIs], states: dict[str, SegmentState]) -> list[RecordedWindow]:
        """Record what is due, and return what has ended and waits for days to be sealed."""
        recorded = [PublicWindow(Period(one.period), one.start) for one in await self._recorded.all()]
        ended = due(days, recorded, self._today(0))
        published_before = await self._recorded.published_before()
        rows: list[RecordedWindow] = []
        still_open: list[RecordedWindow] = []
        for one in ended:
            is_gap = one.is_gone or one.window.last_day < published_before
            row = _row(one, "gap" if is_gap else "closing", states)
            (rows if is_gap or not one.is_open else still_open).append(row)
        if rows:
            await self._recorded.record(rows)
        return still_open

    def _today(self, ago_s: float) -> str:
        return day_of(column_time(self._clock.now() - ago_s))

    async def _can_close(self, one: RecordedWindow, days: dict[str, DayIs]) -> bool:
        states = {days.get(day, DayIs.GONE) for day in one.last_ids}
        if DayIs.GONE in states:
            await self._recorded.give_up(one)
        return states <= {DayIs.SEALED}

    async def _close_windows(self, some: list[RecordedWindow]) -> bool:
        started_at = self._clock.monotonic()
        try:
            closed = await self._run(some)
        except NotNowError as reason:
            logger.info("closing is put off", extra={"reason": str(reason)})
            return False
        except (ClosingError, sqlite3.Error, OSError) as error:
            self.failed += 1
            self._failed_at = self._clock.monotonic()
            logger.error("closing failed, it is tried again", extra={"reason": str(error)})
            return False
        await self._recorded.finish((one.period, one.start, one.generation, one.digest, one.ledger) for one in closed)
        self.closed += len(closed)
        self.last_duration_s = self._clock.monotonic() - started_at
        if closed:
            last_day = max(one.last_day for one in some)
            seconds = round(self.last_duration_s, 1)
            logger.info("published", extra={"windows": len(closed), "last_day": last_day, "seconds": seconds})
        return True

    async def _run(self, some: list[RecordedWindow]) -> list[Closed]:
        closings = [Closing(Period(one.period), one.start, one.last_ids, one.generation) for one in some]
        job = msgspec.json.encode(Job(closings, self._threshold)).decode()
        root = self._directory.root
        self._process = await BackgroundProcess.start(MODULE, [str(root), job], sorting_in=root)
        try:
            await self._process.wait()
            output, status = self._process.output, self._process.status
        finally:
            self._process = None
        if not output:
            if self._closing:
                raise NotNowError("the service stops")
            raise ClosingError(f"its process ended with {status}")
        report = msgspec.json.decode(output, type=Report)
        if report.put_off is not None:
            raise NotNowError(report.put_off)
        if report.closed is None:
            raise ClosingError(report.failed)
        for one in report.damaged:
            self._note_damage(one)
        return report.closed

    def _note_damage(self, damaged: Damaged) -> None:
        self.failed += 1
        self._failed_at = self._clock.monotonic()
        self._damaged.add((damaged.period.value, damaged.start))
        found = {"period": damaged.period.value, "start": damaged.start, "reason": damaged.reason}
        logger.error("a window cannot be closed, it is tried again: run `telemetry check`", extra=found)


def _row(one: DueWindow, state: str, states: dict[str, SegmentState]) -> RecordedWindow:
    segments = msgspec.json.encode({day: states[day].watermark for day in one.sealed}).decode()
    return RecordedWindow(one.window.period, one.window.start, one.window.last_day, state, segments)
