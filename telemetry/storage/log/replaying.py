"""Replaying: events past their segment's watermark are counted, before their segment is appended to."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from operator import attrgetter

from telemetry.catalogue.events import as_known_by
from telemetry.catalogue.rows import from_rows
from telemetry.counting.aggregates import BOUNDED
from telemetry.counting.counters import Appended, Counters
from telemetry.storage.aggregates.catalogue_versions import CatalogueVersions
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.aggregates.segment_states import SegmentStates
from telemetry.storage.log.segment import Segment, StoredEvent
from telemetry.storage.sqlite.reading import ROWS_PER_READ

logger = logging.getLogger(__name__)


class Replay:
    """Prepares segments for appending: ids are never given out again, and what was not counted is counted.

    ``after_read`` may be set to what is awaited after every few thousand replayed events, so that memory stays bounded.
    """

    def __init__(self, aggregates: Aggregates, counters: Counters) -> None:
        self.events_missing = 0
        self.events_replayed = 0
        self.after_read: Callable[[], Awaitable[object]] | None = None
        self._states = SegmentStates(aggregates)
        self._aggregates = aggregates
        self._counters = counters
        self._missing: set[str] = set()

    def report_missing(self, day: str, events: int) -> None:
        """Report a segment that is gone though nobody retired it, and count its events."""
        self._missing.add(day)
        self.events_missing += events
        logger.error(
            "a segment is missing: copy it back from a backup that has it", extra={"day": day, "missing": events}
        )

    async def prepare(self, segment: Segment) -> None:
        """Bring ids and counters to where a segment ends; raise what reading it and the aggregates raises."""
        await self._skip_missing(segment)
        await self._count_rest(segment)

    async def _skip_missing(self, segment: Segment) -> None:
        """Never give out ids again that the aggregates include: a replay would pass over the new events."""
        state, last_id = await self._states.get(segment.day), await segment.last_id()
        if last_id < state.watermark:
            if state.retired_at is None and segment.day not in self._missing:
                missing = state.watermark - last_id
                self.events_missing += missing
                logger.error("a segment lost events: restore a backup", extra={"day": segment.day, "missing": missing})
            await segment.skip_to(state.watermark)
        if state.retired_at is not None:
            await self._states.renew(segment.day)

    async def _count_rest(self, segment: Segment) -> None:
        day, counters = segment.day, self._counters
        counters.labels.restore(day, await self._aggregates.metrics(day))
        for aggregate in BOUNDED:
            counters.names[aggregate.table].restore(await self._aggregates.names(aggregate))
        position = max(counters.counted(day), (await self._states.get(day)).watermark)
        replayed = 0
        while chunk := await segment.read_after(position, ROWS_PER_READ):
            count_stored(counters, day, chunk)
            position = chunk[-1].id
            replayed += len(chunk)
            if self.after_read is not None:
                await self.after_read()
        if replayed:
            self.events_replayed += replayed
            logger.info("replayed events", extra={"day": day, "events": replayed})


def count_stored(
    counters: Counters, day: str, stored: Sequence[StoredEvent], versions: CatalogueVersions | None = None
) -> None:
    """Count events of one segment as they were counted when they were appended; they come in the order of their ids.

    ``versions`` tells which versions of the catalogue have counted them already; None, that none has.
    """
    for received_at, run in groupby(stored, key=attrgetter("received_at")):
        together = list(run)
        events = from_rows([event.row for event in together])
        if versions:
            events = [as_known_by(event, versions.of(row.id)) for row, event in zip(together, events, strict=True)]
        counters.add(Appended(day, received_at, [event.id for event in together], events))
