"""The admin socket: where a running service is reached by its own host's operator, and by nobody else."""

import http.client
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOCKET_NAME = "admin.sock"


@contextmanager
def socket_path(data_dir: Path) -> Iterator[str]:
    """Name the socket of a data directory, however deep that is: the address of a socket holds 107 bytes."""
    folder = os.open(data_dir, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{SOCKET_NAME}"
    finally:
        os.close(folder)


class AdminConnection(http.client.HTTPConnection):
    """HTTP to the service that runs on a data directory.

    The first request raises ``FileNotFoundError`` or ``ConnectionRefusedError`` if none runs there.
    """

    def __init__(self, data_dir: Path, *, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._data_dir = data_dir

    def connect(self) -> None:
        """Connect to the socket."""
        connecting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connecting.settimeout(self.timeout)
            with socket_path(self._data_dir) as path:
                connecting.connect(path)
        except BaseException:
            connecting.close()
            raise
        self.sock = connecting
