"""The events of a window from a cluster, by installation: events of all nodes, each once.

A client that gets no answer sends its batch again, and a load balancer may pass that to another node. So an event that
two nodes have is counted once. Events are the same if installation, type, timestamp and payload are; the n-th copy on
one node is the same as the n-th copy on another.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import chain, groupby
from operator import itemgetter

from telemetry.cluster.client import ClusterClient
from telemetry.cluster.tables import EVENTS, INSTALLATIONS_SEEN
from telemetry.cluster.text import quoted
from telemetry.published.contributions import StoredRow
from telemetry.published.kinds import SEPARATOR
from telemetry.storage.sqlite.background import NotNowError
from telemetry.storage.sqlite.queries import query

LOOKED_BACK_DAYS = 7
"""How many days before a window to look for first copies; a node's own window for resends is as long."""
# Copies remembered of one installation: no day counts nearly as many events of one.
_COPIES_MAX = 200_000
_LOOKED_BACK = -1


class ClusterFirstDays:
    """The first day of each installation on any node; ask for installations in the order of their ids."""

    def __init__(self, client: ClusterClient) -> None:
        names = {"installations": INSTALLATIONS_SEEN.seen_in(client.address)}
        self._rows = client.stream(query("read_cluster_first_days").format_map(names))
        self._next = next(self._rows, None)

    def of(self, installation: bytes) -> str | None:
        """Return the first day on which an installation was seen, or None if it is not known."""
        while self._next is not None and self._next[0] < installation:
            self._next = next(self._rows, None)
        if self._next is None or self._next[0] != installation:
            return None
        return self._next[1].decode()


class ClusterDays:
    """The events of some complete days; ``rows`` is how many the cluster has of them, duplicates included."""

    def __init__(self, client: ClusterClient, days: list[str], rows: int) -> None:
        self._client = client
        self._days = days
        self._rows = rows

    @contextmanager
    def merged(self, payloads: frozenset[str]) -> Iterator[Iterator[tuple[bytes, Iterator[StoredRow]]]]:
        """Return the installations with their events, readable until the end of the block.

        Raises ``ClusterError``, or ``NotNowError`` at the end if the number of events is not ``rows``.
        """
        read = 0
        if not self._days:
            yield iter(())
            return

        def counting() -> Iterator[list[bytes]]:
            nonlocal read
            for row in self._client.stream(self._statement(payloads)):
                read += row[1] != b"%d" % _LOOKED_BACK
                yield row

        yield _not_empty(counting())
        if read != self._rows:
            raise NotNowError(f"{read} of the window's {self._rows} events were read: others arrived or left since")

    def _statement(self, payloads: frozenset[str]) -> str:
        first = date.fromisoformat(self._days[0])
        parts = {
            "events": EVENTS.seen_in(self._client.address),
            "columns": EVENTS.listed,
            "since": quoted((first - timedelta(LOOKED_BACK_DAYS)).isoformat()),
            "first": quoted(self._days[0]),
            "days": ", ".join(map(quoted, self._days)),
            "types": ", ".join(map(quoted, sorted(payloads))) or "''",
        }
        return query("read_cluster_events").format_map(parts)


def _not_empty(rows: Iterator[list[bytes]]) -> Iterator[tuple[bytes, Iterator[StoredRow]]]:
    for installation, own in groupby(rows, itemgetter(0)):
        events = _once(own)
        # Skip installations whose events are all older than the window.
        if (first := next(events, None)) is not None:
            yield installation, chain((first,), events)


def _once(rows: Iterator[list[bytes]]) -> Iterator[StoredRow]:
    """Return the events of one installation, in the order of their receipt, without copies that another node has."""
    of_node: dict[tuple[bytes, bytes], int] = {}
    counted: dict[bytes, int] = {}
    for installation, place, node, _, digest, event_type, version, payload, has_payload, caller in rows:
        if len(of_node) < _COPIES_MAX or (digest, node) in of_node:
            copy = of_node[digest, node] = of_node.get((digest, node), 0) + 1
            if copy <= counted.get(digest, 0):
                continue
            counted[digest] = copy
        if int(place) != _LOOKED_BACK:
            read = payload if has_payload == b"1" else None
            yield installation, int(place), b"".join((caller, event_type, SEPARATOR, version)), read
