"""Listening sockets: what connects is taken as long as there is room, and closed at once beyond that.

asyncio's own servers go on accepting when no descriptor is left: thousands of tries in a turn of the loop, each of them
with a traceback in the log and a timer that outlives the server.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Iterable

from telemetry.web.shares import Shares

logger = logging.getLogger(__name__)

# Connections that wait in the kernel, those of a restart among them; systemd's own default for sockets.
BACKLOG = 4_096
# Requests on open connections wait while connections are taken.
_ACCEPTED_AT_ONCE = 100
# Only what is set up can make room for others.
_ACCEPTED_PART_MAX = 8
_RETRY_S = 1.0


class Listener:
    """Accepts on sockets from ``start`` to ``stop``; a connection for which no room can be made is closed."""

    def __init__(
        self,
        sockets: Iterable[socket.socket],
        protocol: Callable[[], asyncio.BaseProtocol],
        shares: Shares,
    ) -> None:
        self.sockets = tuple(sockets)
        self._protocol = protocol
        self._shares = shares
        self._accepted_max = max(1, min(_ACCEPTED_AT_ONCE, shares.connections_max // _ACCEPTED_PART_MAX))
        self._loop = asyncio.get_running_loop()
        self._retries: dict[socket.socket, asyncio.TimerHandle] = {}
        self._accepted: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Listen and accept."""
        for listening in self.sockets:
            listening.setblocking(False)
            listening.listen(BACKLOG)
            self._resume(listening)

    async def stop(self) -> None:
        """Accept nothing more, set up what was accepted, and close the sockets."""
        for retry in self._retries.values():
            retry.cancel()
        for listening in self.sockets:
            self._loop.remove_reader(listening)
        if self._accepted:
            await asyncio.wait(self._accepted)
        for listening in self.sockets:
            listening.close()

    def _resume(self, listening: socket.socket) -> None:
        self._retries.pop(listening, None)
        self._loop.add_reader(listening, self._accept, listening)

    def _accept(self, listening: socket.socket) -> None:
        while len(self._accepted) < self._accepted_max:
            try:
                connection, _address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionError):
                return
            except OSError as error:
                self._pause(listening, error)
                return
            if self._shares.has_room(len(self._accepted)):
                task = self._loop.create_task(self._set_up(connection))
                self._accepted.add(task)
                task.add_done_callback(self._accepted.discard)
            else:
                connection.close()

    def _pause(self, listening: socket.socket, error: OSError) -> None:
        """Look again in a second: the socket stays readable, and the loop would do nothing else."""
        logger.error(
            "connections cannot be taken, and wait: if too many files are open, raise `ulimit -n` or LimitNOFILE",
            extra={"reason": error.strerror},
        )
        self._loop.remove_reader(listening)
        self._retries[listening] = self._loop.call_later(_RETRY_S, self._resume, listening)

    async def _set_up(self, connection: socket.socket) -> None:
        try:
            connection.setblocking(False)
            await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError as error:
            connection.close()
            logger.warning("a connection was lost before it was set up", extra={"reason": error.strerror})
