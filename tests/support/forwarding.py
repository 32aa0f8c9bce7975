"""Forwarding to a cluster, and what the cluster then has beside what the node has."""

import json
from pathlib import Path
from typing import Any

from telemetry.clock import Clock
from telemetry.cluster.address import ClusterAddress
from telemetry.cluster.client import ClusterClient
from telemetry.cluster.tables import SHIPPED_AGGREGATES
from telemetry.forwarding.forwarder import Forwarder
from telemetry.storage.directory.data_directory import DataDirectory
from tests.support.clickhouse import PASSWORD, ClickHouseCluster, CurrentEngine
from tests.support.oracle import read

Engine = ClickHouseCluster | CurrentEngine
_EVENT = "id, created_at, type, timestamp, installation_id, drift_version, payload"


def forwarder(data_dir: Path, address: str, clock: Clock | None = None) -> Forwarder:
    """Return a forwarder inside the test's own process."""
    client = ClusterClient(ClusterAddress.parse(address), PASSWORD)
    return Forwarder(DataDirectory(data_dir), client, clock or Clock(), id_key="")


def credentials(folder: Path) -> dict[str, str]:
    """Return the variables of a process that systemd has given the cluster's password to."""
    folder.mkdir(exist_ok=True)
    (folder / "cluster_password").write_text(f"{PASSWORD}\n")
    return {"CREDENTIALS_DIRECTORY": str(folder)}


def node_of(data_dir: Path) -> dict[str, Any]:
    """Return what the data directory is in a cluster."""
    node: dict[str, Any] = json.loads((data_dir / "node.json").read_text())
    return node


def state_of(data_dir: Path) -> dict[str, Any]:
    """Return how far forwarding has come."""
    state: dict[str, Any] = json.loads((data_dir / "forwarding.json").read_text())
    return state


def events_of(cluster: Engine, database: str, nodes: list[str]) -> list[list[str]]:
    """Return what the cluster has of some nodes' events, by day and id."""
    listed = ", ".join(f"'{node}'" for node in nodes)
    sql = f"SELECT day, {_EVENT} FROM {database}.events FINAL WHERE node_id IN ({listed}) ORDER BY day, id"
    return [line.split("\t") for line in cluster.query(sql).splitlines()]


def events_in(data_dir: Path, after: dict[str, int] | None = None) -> list[list[str]]:
    """Return the events of a data directory, those above some ids by day."""
    found = []
    for path in sorted((data_dir / "events").glob("*.db")):
        rows = read(path, f"SELECT {_EVENT} FROM events WHERE id > {(after or {}).get(path.stem, 0)} ORDER BY id")
        found += [[path.stem, *(str(value).replace("\\", "\\\\") for value in row)] for row in rows]
    return found


def check_aggregates(cluster: Engine, database: str, data_dirs: list[Path]) -> None:
    """Assert that the cluster's sums over nodes are those of the nodes."""
    for aggregate in SHIPPED_AGGREGATES:
        keys = ", ".join(aggregate.keys)
        sums = ", ".join(f"sum({name})" for name in aggregate.sums)
        grouped = f"GROUP BY {keys} ORDER BY {keys}"
        sql = f"SELECT {keys}, {sums} FROM {database}.{aggregate.table} FINAL WHERE removed = 0 {grouped}"
        found = {tuple(line.split("\t")) for line in cluster.query(sql).splitlines()}
        expected: dict[tuple[str, ...], list[int]] = {}
        for data_dir in data_dirs:
            values = f"{keys}, {', '.join(aggregate.sums)}"
            for row in read(data_dir / "telemetry.db", f"SELECT {values} FROM {aggregate.table}"):
                key, added = tuple(map(str, row[: len(aggregate.keys)])), row[len(aggregate.keys) :]
                known = expected.setdefault(key, [0] * len(added))
                expected[key] = [one + other for one, other in zip(known, added, strict=True)]
        assert found == {(*key, *map(str, values)) for key, values in expected.items()}, aggregate.table
