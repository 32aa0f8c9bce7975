"""How far forwarding has come: a small file, replaced after every batch that the cluster has."""

from pathlib import Path

import msgspec

from telemetry.operator_errors import DamagedError
from telemetry.storage.directory.node import ClusterNode
from telemetry.storage.sqlite.syncing import sync_file, sync_folder

LAG_S_MAX = 3_600.0
"""Forwarding lags when for so long not everything was in the cluster."""


class ForwardingState(msgspec.Struct):
    """``cursors`` are the last events of each day that the cluster has. Times are Unix seconds.

    ``caught_up_at`` is when it last had all that was counted, 0 if never. ``error`` is why it has not, as of the last
    try. ``erased`` are the erasures that were confirmed, with their ends. ``version`` is the last that rows were
    sent with. The cluster was told that it has everything up to the day ``told_through``, if that is one.
    """

    node: str
    cursors: dict[str, int] = {}
    caught_up_at: float = 0.0
    began_at: float = 0.0
    waiting: int = 0
    error: str = ""
    version: int = 0
    erased: dict[str, str] = {}
    erasures_waiting: int = 0
    retired_at: str = ""
    retired: list[str] = []
    told_through: str = ""
    told_erasing: int = -1

    @classmethod
    def read(cls, path: Path) -> "ForwardingState | None":
        """Return what a file holds, or None if there is none; raise ``DamagedError`` if it is no such file."""
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise DamagedError(
                f"{path} is damaged ({error}): remove it, and everything is sent again, which changes no number"
            ) from error

    def write(self, path: Path) -> None:
        """Replace the file, durably."""
        unfinished = path.with_name(f"{path.name}.new")
        unfinished.write_bytes(msgspec.json.encode(self))
        unfinished.chmod(0o600)
        sync_file(unfinished)
        unfinished.replace(path)
        sync_folder(path.parent)

    def lag_s(self, now: float) -> float:
        """Return for how long the cluster has not had everything."""
        return max(0.0, now - (self.caught_up_at or self.began_at))

    def adopt(self, node: ClusterNode) -> None:
        """Go on as another node: what an earlier node of the same directory has sent is not sent again."""
        ends = {one.node: one.last_ids for one in node.inherited}
        last_ids = ends.get(self.node, {})
        # An unknown node's events are those of another directory.
        self.cursors = {day: min(last, last_ids[day]) for day, last in self.cursors.items() if day in last_ids}
        self.node = node.node
        self.told_through = ""
