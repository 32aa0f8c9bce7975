"""What systemd is to a service: it holds the listening socket, and hears what the service tells."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.server import ServerProcess

FIRST_DESCRIPTOR = 3
_END = b""


class ServiceManager:
    """Starts the service again and again on one socket. ``messages`` are what it was told, oldest first, and when."""

    def __init__(self, folder: Path, *, watchdog_s: float | None = None) -> None:
        self.messages: list[tuple[float, dict[str, str]]] = []
        self._watchdog_s = watchdog_s
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port: int = self._listening.getsockname()[1]
        self._address = str(folder / "notify")
        self._notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notified.bind(self._address)
        self._hearing = threading.Thread(target=self._hear, daemon=True)
        self._hearing.start()

    def close(self) -> None:
        self._listening.close()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
            own.sendto(_END, self._address)
        self._hearing.join()
        self._notified.close()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that systemd sets."""
        watchdog = {"WATCHDOG_USEC": str(int(self._watchdog_s * 1e6))} if self._watchdog_s else {}
        return {"NOTIFY_SOCKET": self._address, **watchdog}

    @contextmanager
    def serving(self, data_dir: Path, *flags: str, prefix: tuple[str, ...] = ()) -> Iterator[ServerProcess]:
        """Run the service on the socket until the end of the block; it is killed there if it still runs."""
        descriptor = self._listening.fileno()
        moved = "" if descriptor == FIRST_DESCRIPTOR else f"{FIRST_DESCRIPTOR}<&{descriptor} {descriptor}<&-"
        activate = f'export LISTEN_FDS=1 LISTEN_PID=$$ LISTEN_FDNAMES=http; exec "$@" {moved}'
        server = ServerProcess(
            data_dir,
            *flags,
            prefix=("bash", "-c", activate, "bash", *prefix),
            environment=self.environment,
            descriptors=[descriptor],
            has_sockets=True,
        )
        try:
            yield server.wait_until_listening()
        finally:
            if server.running:
                server.kill()

    def count(self, name: str, value: str) -> int:
        """Return how often something was told."""
        return sum(message.get(name) == value for _, message in list(self.messages))

    def await_message(self, name: str, value: str, *, times: int = 1, within_s: float = 20) -> None:
        """Wait until the service has told something."""
        deadline = time.monotonic() + within_s
        while self.count(name, value) < times:
            assert time.monotonic() < deadline, (name, value, self.messages)
            time.sleep(0.02)

    def _hear(self) -> None:
        while (told := self._notified.recv(4096)) != _END:
            message = dict(line.split("=", 1) for line in told.decode().splitlines())
            self.messages.append((time.monotonic(), message))


@contextmanager
def service_manager(folder: Path, *, watchdog_s: float | None = None) -> Iterator[ServiceManager]:
    """Have a manager until the end of the block."""
    manager = ServiceManager(folder, watchdog_s=watchdog_s)
    try:
        yield manager
    finally:
        manager.close()
