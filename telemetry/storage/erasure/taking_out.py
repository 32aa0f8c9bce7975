"""Taking an installation out of the numbers: what its events have added is counted again, and subtracted or noted."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager

from telemetry.clock import Clock, column_time
from telemetry.counting.aggregates import BOUNDED
from telemetry.counting.counters import Counters
from telemetry.operator_errors import StoppedError, StorageFailedError
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.aggregates.segment_states import SegmentStates
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.erasure.contributions import Contributions
from telemetry.storage.erasure.counting_process import count_apart
from telemetry.storage.erasure.requests import Erased, ErasureKind
from telemetry.storage.erasure.subtracting import excluding, forgetting


class TakingOut:
    """Changes the numbers for an erasure, in one transaction that also notes which events are left to be deleted."""

    def __init__(
        self,
        directory: DataDirectory,
        aggregates: Aggregates,
        counters: Counters,
        clock: Clock,
        *,
        settle: Callable[[], Awaitable[None]],
        flush: Callable[[], Awaitable[None]],
        stop: asyncio.Event,
        keys_max: int,
    ) -> None:
        self._directory = directory
        self._aggregates = aggregates
        self._states = SegmentStates(aggregates)
        self._counters = counters
        self._clock = clock
        self._settle = settle
        self._flush = flush
        self._stop = stop
        self._keys_max = keys_max

    async def foresee(self, ids: Collection[str], kind: ErasureKind) -> Erased:
        """Return what an erasure would change; raise ``StoppedError`` soon after a stop."""
        with self._contributions(ids) as counted:
            try:
                await count_apart(counted, await self._watermarks(), others=False)
            except StoppedError as reason:
                raise StoppedError("the dry run was stopped: do this again") from reason
            return _report(kind, counted, dry_run=True)

    async def take_out(self, ids: Collection[str], hashed_id: str, kind: ErasureKind) -> Erased:
        """Change the numbers; no events of the ids may be accepted any more.

        Raises ``StorageFailedError`` if the last events could not be flushed, and ``StoppedError`` soon after a stop.
        """
        # What has come before is in the aggregates after this.
        await self._settle()
        reached = {day: self._counters.counted(day) for day in self._directory.days()}
        await self._flush()
        others, now = kind is ErasureKind.EXCLUDE, column_time(self._clock.now())
        with self._contributions(ids) as counted:

            async def count_rest() -> None:
                await counted.count(await self._flushed(reached), others=others)

            # Twice: many events may have come while many were counted.
            for _ in range(2):
                await count_apart(counted, await self._flushed(reached), others=others)
            # Count again inside the lock: a flush may have run since, and none can now.
            async with self._aggregates.change(
                count_rest, contribution=counted.contribution, remaining=counted.remaining
            ) as connection:
                for statement in excluding() if kind is ErasureKind.EXCLUDE else forgetting():
                    await connection.execute(statement)
                await connection.executemany(
                    "DELETE FROM installations WHERE installation_id = ?", [(one,) for one in ids]
                )
                await connection.execute(
                    "UPDATE erasures SET counted_at = ? WHERE installation_sha256 = ?", (now, hashed_id)
                )
                # Kept until the erasure is finished: once the events are deleted, only this has the ids to look for.
                await connection.execute(
                    "REPLACE INTO erasing (installation_sha256, installation_ids) VALUES (?, ?)",
                    (hashed_id, json.dumps(sorted(ids))),
                )
            if kind is ErasureKind.EXCLUDE:
                await self._release(counted)
            return _report(kind, counted, dry_run=False)

    async def _release(self, counted: Contributions) -> None:
        """Free the places of labels and names that no other installation has used."""
        for day, metrics in counted.metrics_by_day().items():
            self._counters.release(day, metrics - set(await self._aggregates.metrics(day)))
        for aggregate in BOUNDED:
            left = set(await self._aggregates.names(aggregate))
            self._counters.release_names(aggregate, counted.names(aggregate) - left)

    async def _flushed(self, reached: dict[str, int]) -> dict[str, int]:
        """Return the watermarks; raise ``StorageFailedError`` unless they include what was counted by then."""
        watermarks = await self._watermarks()
        if any(watermark < reached.get(day, 0) for day, watermark in watermarks.items()):
            raise StorageFailedError(
                "the last events could not be flushed: find the cause in the log, and do this again"
            )
        return watermarks

    async def _watermarks(self) -> dict[str, int]:
        states, days = await self._states.all(), self._directory.days()
        return {day: states[day].watermark for day in days if day in states and states[day].retired_at is None}

    @contextmanager
    def _contributions(self, ids: Collection[str]) -> Iterator[Contributions]:
        with self._directory.scratch() as folder:
            yield Contributions(folder, self._directory, ids, self._stop, keys_max=self._keys_max)


def _report(kind: ErasureKind, counted: Contributions, *, dry_run: bool) -> Erased:
    return Erased(kind, dry_run, counted.events_by_day(), counted.rows())
