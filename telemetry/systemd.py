"""The service manager: sockets that it opened for this process, and what it is told (sd_listen_fds, sd_notify)."""

import os
import socket
from collections.abc import Mapping, MutableMapping
from contextlib import suppress

_FIRST_DESCRIPTOR = 3
# Asked for again and again while the log is replayed, so that a long replay is not taken for a start that hangs.
_START_EXTENSION_S = 60
_START_EXTENSION_INTERVAL_S = 1.0


def has_inherited_sockets(variables: Mapping[str, str] = os.environ) -> bool:
    """Tell whether this process was started with listening sockets."""
    return variables.get("LISTEN_PID") == str(os.getpid()) and variables.get("LISTEN_FDS", "0") != "0"


def inherited_sockets(variables: MutableMapping[str, str] = os.environ) -> list[socket.socket]:
    """Return the listening sockets this process was started with; neither they nor the variables go to its children."""
    pid, count = variables.pop("LISTEN_PID", ""), variables.pop("LISTEN_FDS", "0")
    variables.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()):
        return []
    descriptors = range(_FIRST_DESCRIPTOR, _FIRST_DESCRIPTOR + int(count))
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    return [socket.socket(fileno=descriptor) for descriptor in descriptors]


class Notifier:
    """Tells the service manager how this process is doing; where there is none, it tells nobody.

    ``watchdog_interval_s`` is the time within which the manager wants to hear that it is alive, if it does.
    """

    def __init__(self, variables: MutableMapping[str, str] = os.environ) -> None:
        address = variables.pop("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        interval_us, pid = variables.pop("WATCHDOG_USEC", ""), variables.pop("WATCHDOG_PID", str(os.getpid()))
        self.watchdog_interval_s = int(interval_us) / 1e6 if interval_us and pid == str(os.getpid()) else None
        self._extended_at: float | None = None

    def tell(self, **assignments: object) -> None:
        """Send assignments such as ``READY=1``; what cannot be sent at once is not sent, and nothing is raised."""
        if not self._address:
            return
        message = "\n".join(f"{name}={value}" for name, value in assignments.items()).encode()
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(message, socket.MSG_DONTWAIT, self._address)

    def extend_start(self, monotonic: float) -> None:
        """Ask for more time to start, at most once a second."""
        if self._extended_at is None or monotonic - self._extended_at >= _START_EXTENSION_INTERVAL_S:
            self._extended_at = monotonic
            self.tell(EXTEND_TIMEOUT_USEC=_START_EXTENSION_S * 1_000_000)
