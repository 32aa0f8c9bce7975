"""How far forwarding has come: a small file, replaced after every batch that the cluster has."""

from pathlib import Path

import msgspec

from telemetry.operator_errors import DamagedError
from telemetry.storage.directory.node import ClusterNode
from telemetry.storage.sqlite.syncing import sync_file, sync_folder

LAG_S_MAX = 3_600.0
"""Forwarding lags if the cluster has lacked something for longer than this."""


class ForwardingState(msgspec.Struct):
    """How far forwarding has come. ``cursors`` has the last id of each day that the cluster has.

    ``caught_up_at`` is when the cluster last had everything that was counted, in Unix seconds, 0 if never. ``error`` is
    the error of the last try. ``erased`` has the confirmed erasures with their ends. ``version`` is the version of the
    rows sent last. ``told_through`` is the last day that the cluster knows to be complete, empty if none.
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
        """Return the state in a file, or None if there is no file; raise ``DamagedError`` if it cannot be decoded."""
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
        """Return for how many seconds the cluster has lacked something."""
        return max(0.0, now - (self.caught_up_at or self.began_at))

    def adopt(self, node: ClusterNode) -> None:
        """Go on as another node; events that an earlier node of the same directory sent are not sent again."""
        ends = {one.node: one.last_ids for one in node.inherited}
        last_ids = ends.get(self.node, {})
        # If the old node is not an earlier one of this directory, its cursors mean nothing here.
        self.cursors = {day: min(last, last_ids[day]) for day, last in self.cursors.items() if day in last_ids}
        self.node = node.node
        self.told_through = ""
