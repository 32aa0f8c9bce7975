"""Shipping of rows other than events: aggregates, installations, days and nodes."""

import zlib
from collections.abc import Iterable, Iterator, Sequence

from telemetry.cluster.client import ClusterClient
from telemetry.cluster.tables import (
    DAYS,
    INSTALLATIONS_SEEN,
    NODES,
    SHIPPED_AGGREGATES,
    ClusterTable,
    table_of,
)
from telemetry.cluster.text import quoted, to_lines
from telemetry.forwarding.mirror import Mirror
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.sqlite.queries import query
from telemetry.storage.sqlite.reading import reading

_ROWS_PER_POST = 20_000
_COMPRESSION_LEVEL, _GZIP = 1, 31


def ship_rows(client: ClusterClient, table: ClusterTable, rows: Iterable[Sequence[object]]) -> None:
    """Insert rows into a table of the cluster; raise ``ClusterError``."""
    packer = zlib.compressobj(_COMPRESSION_LEVEL, zlib.DEFLATED, _GZIP)
    client.insert(table.name, table.listed, packer.compress(to_lines(rows)) + packer.flush())


def ship_aggregates(client: ClusterClient, mirror: Mirror, origin: str, version: int) -> None:
    """Ship the rows that the mirror found unsent; raise ``ClusterError``."""
    for aggregate in SHIPPED_AGGREGATES:
        for rows in mirror.unsent(aggregate):
            ship_rows(client, table_of(aggregate), ((*row[:-1], origin, row[-1], version) for row in rows))


def ship_installations(client: ClusterClient, directory: DataDirectory, origin: str, version: int) -> None:
    """Ship when each installation was first and last seen, and delete installations that are not known any more.

    Raises ``ClusterError``, and the errors of ``reading`` the aggregates.
    """
    for rows in _installations(directory):
        ship_rows(client, INSTALLATIONS_SEEN, ((row[0], origin, *row[1:], version) for row in rows))
    gone = f"node_id = {quoted(origin)} AND version < {version}"
    seen = INSTALLATIONS_SEEN.seen_in(client.address)
    # Select all columns: for FINAL, older servers need the columns of the key.
    if client.rows(f"SELECT * FROM {seen} FINAL WHERE {gone} LIMIT 1"):
        delete_rows(client, INSTALLATIONS_SEEN, gone)


def ship_days(
    client: ClusterClient, days: dict[tuple[str, str], int], known: dict[tuple[str, str], int], version: int
) -> None:
    """Ship how many events days have, if that differs from what the cluster knows; raise ``ClusterError``."""
    changed = [(*key, events, 0, version) for key, events in days.items() if known.get(key) != events]
    removed = [(*key, 0, 1, version) for key in known.keys() - days.keys()]
    if rows := changed + removed:
        ship_rows(client, DAYS, rows)


def ship_node(client: ClusterClient, origin: str, complete_through: str, erasing: int, version: int) -> None:
    """Ship the last day up to which the node has sent everything; raise ``ClusterError``."""
    ship_rows(client, NODES, [(origin, complete_through, erasing, version)])


def delete_rows(client: ClusterClient, table: ClusterTable, condition: str) -> None:
    """Have rows deleted on every server, in the background; raise ``ClusterError``."""
    client.execute_everywhere(f"ALTER TABLE {everywhere(client, table)} DELETE WHERE {condition}")


def everywhere(client: ClusterClient, table: ClusterTable) -> str:
    """Return the name of a table in a statement for all servers."""
    cluster = client.address.cluster
    return f"{table.stored_in(client.address)}{f' ON CLUSTER {cluster}' if cluster else ''}"


def _installations(directory: DataDirectory) -> Iterator[list[tuple[str, str, str]]]:
    after = ""
    while True:
        with reading(directory.aggregates, "aggregates") as connection:
            rows = connection.execute(query("read_installations_after"), (after, _ROWS_PER_POST)).fetchall()
        if not rows:
            return
        after = rows[-1][0]
        yield rows
