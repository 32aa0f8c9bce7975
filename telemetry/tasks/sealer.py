"""The sealer: has the segments of days that are over sealed, one at a time."""

import asyncio
import logging
import sqlite3

from telemetry.clock import Clock, column_time, day_of
from telemetry.storage.log.archive import Archive
from telemetry.storage.log.event_log import EventLog
from telemetry.storage.log.sealing_process import SealingError
from telemetry.storage.sqlite.background import NotNowError

logger = logging.getLogger(__name__)

# After midnight: the last group of the day has been stored, and its counters have been flushed.
SEALING_GRACE_S = 30.0
# What failed will mostly fail again, at the cost of most of the work.
RETRY_S = 600.0


class Sealer:
    """Owns what is to be sealed when. ``day`` is the one at work, ``sealed`` and ``failed`` count those that ended."""

    def __init__(self, log: EventLog, archive: Archive, clock: Clock) -> None:
        self.day: str | None = None
        self.sealed = 0
        self.failed = 0
        self.last_duration_s = 0.0
        self._log = log
        self._archive = archive
        self._clock = clock
        self._failed_at: dict[str, float] = {}
        self._checking = asyncio.Lock()
        self._closing = False

    async def check(self) -> None:
        """Seal every segment whose day is over; what cannot be sealed now is left for a later check."""
        async with self._checking:
            today = day_of(column_time(self._clock.now() - SEALING_GRACE_S))
            await self._log.leave_before(today)
            due = [state.day for state in await self._archive.segments() if state.sealed_at is None]
            self._failed_at = {day: at for day, at in self._failed_at.items() if day in due}
            for day in due:
                if day < today and not self._closing and not self._failed_lately(day):
                    await self._seal(day)

    async def close(self) -> None:
        """Stop what is under way; the next start begins it again."""
        self._closing = True
        await self._archive.stop_sealing()

    def _failed_lately(self, day: str) -> bool:
        return day in self._failed_at and self._clock.monotonic() - self._failed_at[day] < RETRY_S

    async def _seal(self, day: str) -> None:
        self.day, started_at = day, self._clock.monotonic()
        logger.info("sealing", extra={"day": day})
        try:
            sealed_bytes = await self._archive.seal(day, column_time(self._clock.now()))
        except NotNowError as reason:
            logger.info("sealing is put off", extra={"day": day, "reason": str(reason)})
        except (SealingError, sqlite3.Error, OSError) as error:
            self.failed += 1
            self._failed_at[day] = self._clock.monotonic()
            logger.error("sealing failed, it is tried again", extra={"day": day, "reason": str(error)})
        else:
            self._report(day, self._clock.monotonic() - started_at, sealed_bytes)
        finally:
            self.day = None

    def _report(self, day: str, duration_s: float, sealed_bytes: int | None) -> None:
        if sealed_bytes is None:
            logger.info("sealing was stopped, it is done again later", extra={"day": day})
            return
        self.sealed += 1
        self.last_duration_s = duration_s
        logger.info("sealed", extra={"day": day, "seconds": round(duration_s, 1), "bytes": sealed_bytes})
