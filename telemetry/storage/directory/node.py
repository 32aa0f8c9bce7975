"""The identity of a data directory in a cluster: the node under which its events are known there.

The key of an event in a cluster is (day, node, id). A restored directory gives out ids again that it had given out
after the backup, so a restore makes a new node. Events up to the restored ids still belong to the old node.
"""

import os
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from telemetry.operator_errors import DamagedError
from telemetry.storage.sqlite.syncing import sync_file, sync_folder


class Inherited(msgspec.Struct, frozen=True):
    """An earlier node of a directory, and the id of its last event of each day."""

    node: str
    last_ids: dict[str, int]


class OwnedSpan(NamedTuple):
    """The events of a day that one node owns: those above ``after``, up to ``last`` or, if that is None, all."""

    node: str
    after: int
    last: int | None


class ClusterNode(msgspec.Struct, frozen=True):
    """The node of a directory and those before it, oldest first.

    The ``origin`` is the first of them. Aggregates are sent under it, so they replace those sent before a restore.
    """

    node: str
    origin: str
    inherited: list[Inherited] = []

    @property
    def lineage(self) -> list[str]:
        """The nodes that the directory has been, oldest first."""
        return list(dict.fromkeys([self.origin, *(one.node for one in self.inherited), self.node]))

    def spans(self, day: str) -> Iterator[OwnedSpan]:
        """Return the spans of a day, in the order of their ids; only the last one grows."""
        after = 0
        for one in self.inherited:
            if (last := one.last_ids.get(day, 0)) > after:
                yield OwnedSpan(one.node, after, last)
                after = last
        yield OwnedSpan(self.node, after, None)

    def successor(self, last_ids: Mapping[str, int]) -> "ClusterNode":
        """Return a new node for a copy that holds events up to ``last_ids``, by day."""
        # A copy that is older than the end of an earlier node holds less of that node.
        clipped = [
            Inherited(one.node, {day: min(end, last_ids[day]) for day, end in one.last_ids.items() if day in last_ids})
            for one in self.inherited
        ]
        return ClusterNode(_new_name(), self.origin, [*clipped, Inherited(self.node, dict(last_ids))])


def read_node(path: Path) -> ClusterNode | None:
    """Return the node that a file names, or None if there is no file; raise ``DamagedError`` if it names none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=ClusterNode)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise DamagedError(
            f"{path} is damaged ({error}): copy that file from the newest backup into its place. With another node the "
            "cluster would count this directory's events twice"
        ) from error


def write_node(path: Path, node: ClusterNode) -> None:
    """Write a node's file, durably and as a whole."""
    unfinished = _unfinished(path, node)
    unfinished.replace(path)
    sync_folder(path.parent)


def settle_node(path: Path) -> ClusterNode:
    """Return the node of a directory, making one the first time; the caller holds the directory's lock."""
    if (found := read_node(path)) is not None:
        return found
    name = _new_name()
    node = ClusterNode(name, name)
    write_node(path, node)
    return node


def _unfinished(path: Path, node: ClusterNode) -> Path:
    unfinished = path.with_name(f"{path.name}.{node.node}.new")
    descriptor = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(node), indent=1) + b"\n")
    sync_file(unfinished)
    return unfinished


def _new_name() -> str:
    return str(uuid.uuid4())
