"""The tables of a cluster. A row that is sent twice replaces itself, so anything can be sent again after a failure.

Rows of the aggregates hold one node's absolute values; of each row, the greatest version counts. Readers use
``FINAL``, leave out ``removed`` rows, and sum over nodes.
"""

from dataclasses import dataclass

from telemetry.cluster.address import ClusterAddress
from telemetry.cluster.client import ClusterClient
from telemetry.cluster.text import quoted
from telemetry.counting.aggregates import ACTION_AGGREGATES, DAILY_STATS, SIGNATURE_COUNTS
from telemetry.counting.declaring import Aggregate
from telemetry.storage.sqlite.queries import query

SHIPPED_AGGREGATES = (DAILY_STATS, SIGNATURE_COUNTS, ACTION_AGGREGATES)
# A thousand consecutive events go to one shard.
_IDS_PER_SHARD_KEY = 1_000
_TYPES = {"text": "String", "moment": "String", "integer": "Int64", "day": "Date"}


@dataclass(frozen=True, kw_only=True)
class ClusterTable:
    """A table: its columns with their types, its key, and the expression that spreads rows over shards."""

    name: str
    columns: tuple[tuple[str, str], ...]
    key: tuple[str, ...]
    shard: str
    partition: str = ""
    version: str = ""

    @property
    def listed(self) -> str:
        """The names of the columns as a list in a statement."""
        return ", ".join(name for name, _ in self.columns)

    def stored_in(self, address: ClusterAddress) -> str:
        """Return the table that holds the rows of one server."""
        return f"{address.database}.{self.name}{'_local' if address.cluster else ''}"

    def seen_in(self, address: ClusterAddress) -> str:
        """Return the table that shows the rows of all servers."""
        return f"{address.database}.{self.name}"


EVENTS = ClusterTable(
    name="events",
    columns=(
        ("day", "Date"), ("node_id", "String"), ("id", "UInt64"), ("created_at", "DateTime('UTC')"), ("type", "String"),
        ("timestamp", "String"), ("installation_id", "String"), ("drift_version", "String"), ("payload", "String"),
    ),
    key=("day", "node_id", "id"),
    shard=f"cityHash64(node_id, intDiv(id, {_IDS_PER_SHARD_KEY}))",
    partition="day",
)  # fmt: skip
INSTALLATIONS_SEEN = ClusterTable(
    name="installations",
    columns=(
        ("installation_id", "String"), ("node_id", "String"), ("first_seen", "Date"), ("last_seen", "Date"),
        ("version", "UInt64"),
    ),
    key=("installation_id", "node_id"),
    shard="cityHash64(installation_id)",
    version="version",
)  # fmt: skip
# How many events of a complete day a node has sent. If the cluster has fewer, some have not arrived.
DAYS = ClusterTable(
    name="days",
    columns=(
        ("day", "Date"), ("node_id", "String"), ("events", "UInt64"), ("removed", "UInt8"), ("version", "UInt64"),
    ),
    key=("day", "node_id"),
    shard="cityHash64(day, node_id)",
    version="version",
)  # fmt: skip
# The last day up to which a node has sent everything, by its origin, and how many erasures are not confirmed.
NODES = ClusterTable(
    name="nodes",
    columns=(("node_id", "String"), ("complete_through", "Date"), ("erasing", "UInt64"), ("version", "UInt64")),
    key=("node_id",),
    shard="cityHash64(node_id)",
    version="version",
)


def table_of(aggregate: Aggregate) -> ClusterTable:
    """Return the table for an aggregate's rows of all nodes."""
    columns = tuple((column.name, _TYPES[column.kind]) for column in aggregate.columns)
    return ClusterTable(
        name=aggregate.table,
        columns=(*columns, ("node_id", "String"), ("removed", "UInt8"), ("version", "UInt64")),
        key=(*aggregate.keys, "node_id"),
        shard=f"cityHash64({', '.join(aggregate.keys)})",
        version="version",
    )


CLUSTER_TABLES = (EVENTS, INSTALLATIONS_SEEN, DAYS, NODES, *map(table_of, SHIPPED_AGGREGATES))


def create_tables(client: ClusterClient) -> None:
    """Create the database and the tables that do not exist yet; raise ``ClusterError``."""
    address = client.address
    names = [table.name for table in CLUSTER_TABLES]
    listed = ", ".join(map(quoted, names))
    found = client.rows(f"SELECT name FROM system.tables WHERE database = '{address.database}' AND name IN ({listed})")
    if len(found) == len(names):
        return
    everywhere = f" ON CLUSTER {address.cluster}" if address.cluster else ""
    client.execute_everywhere(f"CREATE DATABASE IF NOT EXISTS {address.database}{everywhere}")
    for table in CLUSTER_TABLES:
        for statement in _statements(table, address, everywhere):
            client.execute_everywhere(statement)


def _statements(table: ClusterTable, address: ClusterAddress, everywhere: str) -> list[str]:
    local = table.stored_in(address).partition(".")[2]
    parts = {
        "database": address.database,
        "table": table.name,
        "local": local,
        "everywhere": everywhere,
        "cluster": address.cluster,
        "columns": ", ".join(f"{name} {kind}" for name, kind in table.columns),
        "engine": _engine(table, address),
        "partition": f"PARTITION BY {table.partition}" if table.partition else "",
        "key": ", ".join(table.key),
        "shard": table.shard,
    }
    names = ["create_cluster_table", *(["create_cluster_distribution"] if address.cluster else [])]
    return [query(name).format_map(parts) for name in names]


def _engine(table: ClusterTable, address: ClusterAddress) -> str:
    if not address.cluster:
        return f"ReplacingMergeTree({table.version})"
    # The servers fill in their own shard and replica.
    path = f"/clickhouse/tables/{{shard}}/{address.database}/{table.name}"
    arguments = [quoted(path), quoted("{replica}"), *([table.version] if table.version else [])]
    return f"ReplicatedReplacingMergeTree({', '.join(arguments)})"
