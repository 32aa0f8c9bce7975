"""Shipping of events: each day from its cursor up to its watermark.

Only events that the aggregates include are sent. The service never gives their ids out again, even after a crash.
"""

import logging
from collections.abc import Callable

from telemetry.clock import day_of
from telemetry.cluster.client import ClusterClient
from telemetry.cluster.tables import EVENTS
from telemetry.cluster.text import quoted
from telemetry.forwarding.batches import batches, packed_ahead
from telemetry.forwarding.look import Look
from telemetry.forwarding.shipping import everywhere
from telemetry.forwarding.state import ForwardingState
from telemetry.operator_errors import OperatorError
from telemetry.storage.aggregates.segment_states import SegmentState
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.sqlite.reading import reading

logger = logging.getLogger(__name__)

_SINCE = "SELECT min(id) FROM events WHERE created_at >= ?"


class EventShipper:
    """Ships events, and drops days in the cluster that retention has removed. ``sent`` counts events since the start.

    ``save`` is called after each batch that the cluster has stored.
    """

    def __init__(
        self, directory: DataDirectory, client: ClusterClient, save: Callable[[ForwardingState], None]
    ) -> None:
        self.sent = 0
        self._directory = directory
        self._client = client
        self._save = save

    def ship(self, seen: Look, state: ForwardingState) -> None:
        """Ship all waiting events; raise ``ClusterError``, or ``OperatorError`` after all readable days are shipped."""
        kept = seen.kept()
        state.cursors = {one.day: state.cursors.get(one.day, 0) for one in kept}
        waiting = {one.day: max(0, one.watermark - state.cursors[one.day]) for one in kept if one.day in seen.days}
        state.waiting = sum(waiting.values())
        failed: OperatorError | None = None
        for one in kept:
            if waiting.get(one.day):
                try:
                    self._ship_day(seen, one, state, waiting)
                except OperatorError as error:
                    # A locked or damaged segment does not keep the others from being sent.
                    logger.warning("a segment cannot be forwarded", extra={"day": one.day, "reason": str(error)})
                    failed = error
        if failed is not None:
            raise failed

    def step_back(self, seen: Look, state: ForwardingState, moment: str) -> None:
        """Have events from ``moment`` on, on its day, sent again; raise ``OperatorError``."""
        day = day_of(moment)
        if state.cursors.get(day) and day in seen.days:
            with reading(self._directory.segment(day), "segment") as connection:
                (first,) = connection.execute(_SINCE, (moment,)).fetchone()
            if first is not None:
                state.cursors[day] = min(state.cursors[day], first - 1)

    def drop_retired(self, seen: Look, state: ForwardingState) -> None:
        """Drop the partitions of days that this node has removed since the last call; raise ``ClusterError``."""
        known = state.retired_at, state.retired
        retired = [one for one in seen.states.values() if one.retired_at and one.retired_at >= known[0]]
        new = [one.day for one in retired if one.retired_at != known[0] or one.day not in known[1]]
        if not new:
            return
        events, table = EVENTS.seen_in(self._client.address), everywhere(self._client, EVENTS)
        held = self._client.rows(f"SELECT DISTINCT day FROM {events} WHERE day <= {quoted(max(new))}")
        for (day,) in held:
            if day in new:
                self._client.execute_everywhere(f"ALTER TABLE {table} DROP PARTITION {quoted(day)}")
        state.retired_at = max(str(one.retired_at) for one in retired)
        state.retired = [one.day for one in retired if one.retired_at == state.retired_at]

    def _ship_day(self, seen: Look, one: SegmentState, state: ForwardingState, waiting: dict[str, int]) -> None:
        packed = batches(self._directory, seen.node, one.day, state.cursors[one.day], one.watermark)
        for batch in packed_ahead(packed):
            if batch.events:
                self._client.insert(EVENTS.name, EVENTS.listed, batch.compressed)
            self.sent += batch.events
            state.cursors[one.day] = batch.last
            waiting[one.day] = one.watermark - batch.last
            state.waiting = sum(waiting.values())
            self._save(state)
