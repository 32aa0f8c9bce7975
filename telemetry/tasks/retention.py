"""Retention: removes segments older than the retention period, whole, and the installations last seen in them."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from telemetry.clock import Clock, column_time, instant
from telemetry.operator_errors import SegmentUnusableError
from telemetry.storage.aggregates.segment_states import SegmentState
from telemetry.storage.log.archive import Archive
from telemetry.storage.log.expiring import Expiry
from telemetry.storage.log.retiring import Retired, RetiredDay, RetireRequest
from telemetry.storage.sqlite.background import NotNowError

logger = logging.getLogger(__name__)

# One segment in this time, and none in the first: a clock that jumps ahead must not empty the log before it is noticed.
RETENTION_INTERVAL_S = 3_600.0
_INSTALLATIONS_PER_CHANGE = 10_000
# Later than any.
_NO_DAY = "9999"
# A stop waits for a check to end.
_CHANGES_PER_CHECK = 100


class Retention:
    """Owns what is removed when, and removes nothing while it ``is_paused``. ``retired`` counts the segments gone."""

    def __init__(
        self,
        archive: Archive,
        expiry: Expiry,
        clock: Clock,
        *,
        days: int,
        is_paused: Callable[[], bool] = lambda: False,
    ) -> None:
        self.retired = 0
        self._archive = archive
        self._expiry = expiry
        self._clock = clock
        self._days = days
        self._is_paused = is_paused
        self._retired_at = clock.monotonic()

    async def close(self) -> None:
        """Stop what is under way."""
        await self._expiry.stop()

    async def check(self) -> None:
        """Remove the oldest segment that is due, if the last one was removed long enough ago."""
        await self._archive.finish_retiring()
        if self._clock.monotonic() - self._retired_at >= RETENTION_INTERVAL_S and not self._is_paused():
            await self._retire_oldest()
        states = [*await self._archive.segments(), *await self._archive.missing()]
        oldest_day = min((state.day for state in states), default=_NO_DAY)
        # Some at a time: in between, a flush that waits gets its turn.
        for _ in range(_CHANGES_PER_CHECK):
            if not await self._archive.states.delete_retired_installations(oldest_day, _INSTALLATIONS_PER_CHANGE):
                break

    async def retire_before(self, request: RetireRequest, stop: asyncio.Event) -> Retired:
        """Remove all days before a day now, mark missing ones as removed, and report both."""
        now = column_time(self._clock.now())
        retired = Retired([], [], request.dry_run)
        for state in await self._archive.missing():
            if state.day < request.before:
                retired.days.append(RetiredDay(state.day, missing=True))
                if not request.dry_run:
                    await self._give_up(state.day, now)
        for state in await self._archive.segments():
            if state.day >= request.before:
                continue
            if stop.is_set():
                retired.finished = False
                break
            removed = RetiredDay(state.day, state.events, self._archive.bytes_of(state.day))
            if request.dry_run or await self._retire(state, now):
                retired.days.append(removed)
                self.retired += not request.dry_run
            else:
                retired.kept.append(state.day)
        retired.days.sort(key=lambda one: one.day)
        return retired

    async def _retire_oldest(self) -> None:
        now = self._clock.now()
        earliest = (instant(now) - timedelta(days=self._days)).date().isoformat()
        for state in await self._archive.missing():
            if state.day < earliest:
                await self._give_up(state.day, column_time(now))
                logger.info("a segment that was missing is past retention", extra={"day": state.day})
        for state in await self._archive.segments():
            if state.day < earliest and await self._retire(state, column_time(now)):
                self.retired += 1
                self._retired_at = self._clock.monotonic()
                logger.info("removed a segment past retention", extra={"day": state.day})
                return

    async def _give_up(self, day: str, retired_at: str) -> None:
        await self._expiry.note_unknown(day)
        await self._archive.give_up(day, retired_at)

    async def _retire(self, state: SegmentState, retired_at: str) -> bool:
        if self._archive.is_in_use(state.day):
            return False
        try:
            await self._expiry.before_retiring(state)
            return await self._archive.retire(state.day, retired_at)
        except NotNowError as reason:
            logger.info("a segment is removed later", extra={"day": state.day, "reason": str(reason)})
        except SegmentUnusableError as error:
            logger.error("a segment past retention cannot be removed", extra={"day": state.day, "reason": str(error)})
        return False
