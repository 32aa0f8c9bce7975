"""A look at a data directory: what it has to forward at one moment."""

from typing import NamedTuple

from telemetry.operator_errors import NoDataError
from telemetry.storage.aggregates.loss import reading_aggregates
from telemetry.storage.aggregates.segment_states import SEGMENT_STATES, SegmentState
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.node import ClusterNode, read_node

_ERASURES = "SELECT installation_sha256, finished_at FROM erasures"


class Look(NamedTuple):
    """The state that was read in one transaction, and the ``days`` that have a segment.

    ``erased`` has the end of each finished erasure by the hash of the installation. ``erasing`` counts erasures that
    are not finished.
    """

    node: ClusterNode
    states: dict[str, SegmentState]
    days: frozenset[str]
    revision: int
    erased: dict[str, str]
    erasing: int

    def kept(self) -> list[SegmentState]:
        """Return the state of every day whose events are kept, oldest first."""
        days = self.days | {day for day, state in self.states.items() if state.watermark and not state.retired_at}
        return [self.states.get(day, SegmentState(day)) for day in sorted(days)]


def look(directory: DataDirectory) -> Look:
    """Read the state of a directory that may be in use; raise ``OperatorError`` or ``sqlite3.Error``."""
    directory.check_whole()
    node = read_node(directory.node)
    if node is None:
        raise NoDataError(f"{directory.node} does not exist: start the service once, which makes it")
    with reading_aggregates(directory) as connection:
        connection.execute("BEGIN")
        states = {row[0]: SegmentState(*row) for row in connection.execute(SEGMENT_STATES)}
        (revision,) = connection.execute("SELECT revision FROM state").fetchone()
        erasures = connection.execute(_ERASURES).fetchall()
    erased = {hashed: finished_at for hashed, finished_at in erasures if finished_at is not None}
    return Look(node, states, frozenset(directory.days()), revision, erased, len(erasures) - len(erased))
