"""Summaries of a node: its aggregates, its installations, and the last day up to which it has sent everything."""

from collections.abc import Callable
from datetime import date, timedelta

from telemetry.clock import Clock, column_time, day_of
from telemetry.cluster.client import ClusterClient
from telemetry.cluster.tables import CLUSTER_TABLES
from telemetry.cluster.text import quoted
from telemetry.forwarding.look import Look
from telemetry.forwarding.mirror import Mirror
from telemetry.forwarding.shipping import ship_aggregates, ship_days, ship_installations, ship_node
from telemetry.forwarding.state import ForwardingState
from telemetry.storage.aggregates.segment_states import SegmentState
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.sqlite.reading import reading

SUMMARIES_INTERVAL_S = 30.0
_COUNT = "SELECT count(*) FROM events WHERE id > ? AND id <= ?"
_ALL = 2**62


class SummaryShipper:
    """Ships summaries at most every ``SUMMARIES_INTERVAL_S``, and at once when a day is complete."""

    def __init__(
        self, directory: DataDirectory, client: ClusterClient, clock: Clock, save: Callable[[ForwardingState], None]
    ) -> None:
        self._directory = directory
        self._client = client
        self._clock = clock
        self._save = save
        self._shipped_at: float | None = None
        self._counted: dict[SegmentState, dict[tuple[str, str], int]] = {}

    def ship(self, seen: Look, state: ForwardingState) -> None:
        """Ship changed summaries; raise ``ClusterError``, ``OperatorError`` or ``sqlite3.Error``."""
        through, erasing = self._complete_through(seen, state), seen.erasing + state.erasures_waiting
        has_changed = (through, erasing) != (state.told_through, state.told_erasing)
        now = self._clock.monotonic()
        if not has_changed and self._shipped_at is not None and now - self._shipped_at < SUMMARIES_INTERVAL_S:
            return
        if not state.version:
            state.version = self._newest_version(seen.node.origin)
        self._ship_rows(seen, state)
        if has_changed:
            if through > state.told_through:
                ship_installations(self._client, self._directory, seen.node.origin, state.version)
            ship_node(self._client, seen.node.origin, through, erasing, state.version)
            state.told_through, state.told_erasing = through, erasing
        self._shipped_at = now

    def _ship_rows(self, seen: Look, state: ForwardingState) -> None:
        origin = seen.node.origin
        with Mirror.opened(self._directory.forwarded, origin, self._client) as mirror:
            revision = mirror.find_unsent(self._directory.aggregates)
            state.version = max(state.version + 1, revision or 0)
            # Save before sending: if that fails, the next rows still get a greater version.
            self._save(state)
            if revision is not None:
                ship_aggregates(self._client, mirror, origin, state.version)
                mirror.note(revision)
            days = self._days(seen, state)
            ship_days(self._client, days, mirror.days(), state.version)
            mirror.note_days(days)

    def _complete_through(self, seen: Look, state: ForwardingState) -> str:
        """Return the last day up to which every day is complete."""
        today = day_of(column_time(self._clock.now()))
        waiting = [one.day for one in seen.kept() if one.day < today and not _is_complete(one, state)]
        first = min(waiting, default=today)
        return (date.fromisoformat(first) - timedelta(1)).isoformat()

    def _days(self, seen: Look, state: ForwardingState) -> dict[tuple[str, str], int]:
        """Return how many events each complete day has, by day and node."""
        complete = [one for one in seen.kept() if _is_complete(one, state)]
        self._counted = {one: self._counted.get(one) or self._count(seen, one) for one in complete}
        return {key: events for counted in self._counted.values() for key, events in counted.items()}

    def _count(self, seen: Look, one: SegmentState) -> dict[tuple[str, str], int]:
        spans = list(seen.node.spans(one.day))
        if len(spans) == 1 or one.day not in seen.days:
            return {(one.day, spans[-1].node): one.rows or 0}
        with reading(self._directory.segment(one.day), "segment") as connection:
            return {
                (one.day, span.node): connection.execute(_COUNT, (span.after, span.last or _ALL)).fetchone()[0]
                for span in spans
            }

    def _newest_version(self, origin: str) -> int:
        """Return the greatest version in the cluster of a directory's rows: the state that had it may be lost."""
        versions = [0]
        for table in CLUSTER_TABLES:
            if table.version:
                seen = table.seen_in(self._client.address)
                versions.append(
                    int(self._client.rows(f"SELECT max(version) FROM {seen} WHERE node_id = {quoted(origin)}")[0][0])
                )
        return max(versions)


def _is_complete(one: SegmentState, state: ForwardingState) -> bool:
    return one.sealed_at is not None and state.cursors.get(one.day, 0) >= one.watermark
