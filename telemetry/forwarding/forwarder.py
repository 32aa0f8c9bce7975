"""The forwarder: rounds that bring a cluster up to date. After a kill at any step, the next start goes on."""

import logging
import sqlite3

from telemetry.catalogue.stored_ids import IdKey
from telemetry.clock import Clock
from telemetry.cluster.client import ClusterClient, ClusterError
from telemetry.cluster.tables import create_tables
from telemetry.forwarding.erasing import ClusterEraser
from telemetry.forwarding.events import EventShipper
from telemetry.forwarding.look import Look, look
from telemetry.forwarding.state import ForwardingState
from telemetry.forwarding.summaries import SummaryShipper
from telemetry.operator_errors import OperatorError
from telemetry.storage.aggregates.key_file import find_key
from telemetry.storage.directory.data_directory import DataDirectory

logger = logging.getLogger(__name__)


class Forwarder:
    """Owns the state of forwarding. One process at a time forwards a directory."""

    def __init__(self, directory: DataDirectory, client: ClusterClient, clock: Clock, *, id_key: str) -> None:
        self._directory = directory
        self._client = client
        self._clock = clock
        self._given_key = id_key
        self._events = EventShipper(directory, client, self._save)
        self._summaries = SummaryShipper(directory, client, clock, self._save)
        self._eraser = ClusterEraser(client, clock.monotonic, self._id_key)
        self._state: ForwardingState | None = None
        self._has_tables = False

    @property
    def sent(self) -> int:
        """Events that the cluster has acknowledged since the start."""
        return self._events.sent

    def round(self) -> None:
        """Send everything that waits.

        Raises ``ClusterError``, ``OperatorError``, ``sqlite3.Error`` or ``OSError``. The next round then goes on: what
        the cluster has by then is not sent again.
        """
        began_at = self._clock.now()
        seen = look(self._directory)
        state = self._settled(seen, began_at)
        try:
            self._carry_out(seen, state)
        except (ClusterError, OperatorError, sqlite3.Error, OSError) as error:
            state.error = str(error)
            self._save(state)
            raise
        state.error, state.caught_up_at = "", began_at
        self._save(state)

    def send_again(self, first_day: str) -> None:
        """Have everything from a day on sent again, and the aggregates compared with what the cluster has."""
        state = self._settled(look(self._directory), self._clock.now())
        state.cursors = {day: last for day, last in state.cursors.items() if day < first_day}
        state.told_through = ""
        self._directory.forwarded.unlink(missing_ok=True)
        self._save(state)

    def _settled(self, seen: Look, now: float) -> ForwardingState:
        state = self._state or ForwardingState.read(self._directory.forwarding)
        if state is None:
            state = ForwardingState(seen.node.node, began_at=now)
        if state.node != seen.node.node:
            logger.info("forwarding goes on as another node", extra={"node": seen.node.node})
            state.adopt(seen.node)
        self._state = state
        return state

    def _carry_out(self, seen: Look, state: ForwardingState) -> None:
        try:
            if not self._has_tables:
                create_tables(self._client)
                self._has_tables = True
            self._erase(seen, state)
            self._events.ship(seen, state)
            self._events.drop_retired(seen, state)
            self._summaries.ship(seen, state)
        except ClusterError as error:
            self._has_tables = self._has_tables and not error.lacks_tables
            raise

    def _erase(self, seen: Look, state: ForwardingState) -> None:
        state.erased = {one: at for one, at in state.erased.items() if seen.erased.get(one) == at}
        unconfirmed = {one: at for one, at in seen.erased.items() if one not in state.erased}
        state.erasures_waiting = len(unconfirmed)
        for one in self._eraser.erase(seen.node, unconfirmed):
            # The installation may have come back after its erasure. The deletion may have taken its new events of the
            # same second, and its new row: send both again.
            self._events.step_back(seen, state, unconfirmed[one])
            state.told_through = ""
            state.erased[one] = unconfirmed[one]
            state.erasures_waiting -= 1
            logger.info("the cluster holds nothing more of an erased installation")

    def _id_key(self) -> IdKey | None:
        return find_key(self._directory, self._given_key)

    def _save(self, state: ForwardingState) -> None:
        state.write(self._directory.forwarding)
