"""Closes windows from the events of a cluster and publishes their numbers, in one step."""

from collections.abc import Collection
from contextlib import closing
from datetime import date, timedelta
from typing import NamedTuple

from telemetry.closing.cluster_events import ClusterDays, ClusterFirstDays
from telemetry.closing.job import as_published, closing_folder, throwaway
from telemetry.closing.publication import Draft, publish
from telemetry.closing.windows import Known, close_window
from telemetry.cluster.client import ClusterClient
from telemetry.cluster.tables import DAYS, EVENTS, NODES
from telemetry.cluster.text import quoted
from telemetry.published.closings import Closed, Closing
from telemetry.published.contributions import Policy
from telemetry.published.due import DayIs, due
from telemetry.published.label_file import read_labels
from telemetry.published.reading import reading_published
from telemetry.published.windows import Period, PublicWindow
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.sqlite.background import NotNowError
from telemetry.storage.sqlite.queries import query


class ClusterState(NamedTuple):
    """What the nodes have sent: the last day up to which all have sent everything, and the state of each day.

    ``waiting`` has a sentence for whatever keeps later days from being complete.
    """

    complete_through: str
    days: dict[str, DayIs]
    waiting: list[str]


def cluster_state(client: ClusterClient, without: Collection[str]) -> ClusterState:
    """Ask a cluster how far its nodes are, except those ``without``, given by their origin; raise ``ClusterError``."""
    address = client.address
    told = client.rows(f"SELECT node_id, complete_through, erasing FROM {NODES.seen_in(address)} FINAL")
    nodes = [(node, through, int(erasing)) for node, through, erasing in told if node not in without]
    last = max((through for _, through, _ in nodes), default="")
    waiting = [f"{node} has sent everything up to {through} only" for node, through, _ in nodes if through < last]
    erasing = [f"{node} has {count} open erasures" for node, _, count in nodes if count]
    # Half-erased installations would be half counted.
    through = "" if erasing else min((through for _, through, _ in nodes), default="")
    rows = client.rows(f"SELECT day, node_id, events, removed FROM {DAYS.seen_in(address)} FINAL")
    days: dict[str, DayIs] = {}
    for day, _, events, removed in rows:
        if int(removed):
            days[day] = DayIs.GONE
        elif int(events):
            days.setdefault(day, DayIs.SEALED)
    return ClusterState(through, days, waiting + erasing)


def publish_from_cluster(
    client: ClusterClient, directory: DataDirectory, state: ClusterState, threshold: int
) -> list[Closed]:
    """Close and publish the windows that all nodes have sent; published windows stay as they are.

    Raises ``ClusterError``, ``NotNowError``, ``sqlite3.Error`` or ``OSError``; the caller can then try again.
    """
    with reading_published(directory.published) as numbers:
        windows = [one for period in Period for one in numbers.windows(period)] if numbers is not None else []
    recorded = [PublicWindow(one.period, one.start) for one in windows]
    found = due(state.days, recorded, _after(state.complete_through)) if state.complete_through else []
    ready = [one for one in found if not one.is_gone]
    if not ready:
        return []
    closed: list[Closed] = []
    with closing_folder(directory) as folder:
        path = folder / "draft.db"
        with closing(throwaway(path)) as connection:
            draft = Draft(connection, threshold)
            for one in ready:
                window = Closing(one.window.period, one.window.start, dict.fromkeys(one.sealed, 0))
                known = Known(ClusterFirstDays(client), read_labels(directory.public_labels), Policy(threshold))
                events = ClusterDays(client, sorted(one.sealed), _rows(client, one.sealed))
                with closing(throwaway(folder / f"{window.period}-{window.start}.db")) as totals:
                    ledger = close_window(window, events.merged, known, totals, draft.insert)
                draft.add_window(window)
                closed.append(Closed(window.period, window.start, 1, ledger=ledger))
            draft.finish()
        publish(path, directory.published, threshold)
        return as_published(path, directory.published, closed)


def _rows(client: ClusterClient, days: Collection[str]) -> int:
    """Return how many events the cluster has of some days, copies on several nodes included.

    Raises ``NotNowError`` if it has fewer of a node's events than the node has sent.
    """
    if not days:
        return 0
    address, listed = client.address, ", ".join(map(quoted, days))
    names = {"events": EVENTS.seen_in(address), "days": listed}
    there = {
        (day, node): int(count) for day, node, count in client.rows(query("count_cluster_events").format_map(names))
    }
    told = client.rows(f"SELECT {DAYS.listed} FROM {DAYS.seen_in(address)} FINAL WHERE day IN ({listed})")
    for day, node, events, *_ in told:
        if there.get((day, node), 0) < int(events):
            found = there.get((day, node), 0)
            raise NotNowError(f"the cluster has {found} of the {events} events that {node} has of {day}")
    return sum(there.values())


def _after(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(1)).isoformat()
