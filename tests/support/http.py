"""HTTP as clients and strangers speak it: raw sockets, answers as they arrived, and a server that a module shares."""

import contextlib
import itertools
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tests.support import oracle
from tests.support.events import Fields, make_event, timestamp
from tests.support.server import Answer, ServerProcess, serving

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type",
}
_started = datetime.now(UTC)
_numbers = itertools.count(1)


def new_installation() -> str:
    """Return an installation id that no other test uses, so that its rows can be told from all others."""
    return str(uuid.uuid4())


def fresh_events(count: int, installation: str, event_type: str = "scan_completion", **changes: object) -> list[Fields]:
    """Return valid events that differ from all events made before."""
    return [
        make_event(
            event_type,
            **(
                {"installationId": installation, "timestamp": timestamp(_started, milliseconds=-next(_numbers))}
                | changes
            ),
        )
        for _ in range(count)
    ]


def stored(server: ServerProcess, installation: str) -> list[oracle.Raw]:
    """Return the events that the log of a running server holds of one installation."""
    return [event for event in oracle.raw_events(server.data_dir) if event.installation_id == installation]


def eventually(condition: Callable[[], bool], *, within_s: float = 5) -> None:
    """Assert that a condition comes true in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.02)


def assert_coded(answer: Answer, status: int, code: str) -> None:
    """Assert that an answer is a refusal of the contract's form."""
    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.json.keys() == {"error", "code"}
    assert_common_headers(answer)


def assert_common_headers(answer: Answer) -> None:
    """Assert that an answer carries what every answer carries."""
    assert {name: answer.headers.get(name) for name in CORS} == CORS
    if answer.body:
        assert answer.headers["Content-Type"].startswith("application/json")


@contextmanager
def audited(data_dir: Path, *flags: str, prefix: tuple[str, ...] = ()) -> Iterator[ServerProcess]:
    """Run a service; at the end it must stop cleanly and its aggregates must equal a recount of its log."""
    with serving(data_dir, *flags, prefix=prefix) as server:
        yield server
        assert server.stop() == 0
        oracle.check(data_dir)
        assert not [line for line in server.output if "Traceback" in line or "request failed" in line]


class Connection:
    """A raw connection to a server."""

    def __init__(self, server: ServerProcess, *, timeout: float = 5) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.port), timeout=timeout)
        self.port = self._socket.getsockname()[1]

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def read(self) -> bytes:
        """Return everything that arrives until the server closes; fails with ``TimeoutError`` if it does not."""
        received = bytearray()
        with contextlib.suppress(ConnectionResetError):
            while data := self._socket.recv(65_536):
                received += data
        return bytes(received)

    def read_some(self) -> bytes:
        """Return what arrives next."""
        return self._socket.recv(65_536)


def exchange(server: ServerProcess, data: bytes) -> bytes:
    """Send bytes on a new connection and return what comes back until the server closes it."""
    with Connection(server) as connection:
        connection.send(data)
        return connection.read()


def parse(data: bytes) -> Answer:
    """Return the first answer in bytes that hold a whole one."""
    head, separator, body = data.partition(b"\r\n\r\n")
    assert separator, data
    status_line, *lines = head.decode("latin-1").split("\r\n")
    headers = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Answer(int(status_line.split()[1]), headers, body[: int(headers.get("Content-Length", "0"))])


def post_head(length: int, *lines: str, path: str = "/v1/events") -> bytes:
    """Return the head of a POST request."""
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: test", f"Content-Length: {length}", *lines, "", ""]).encode()


def post_request(body: bytes, *lines: str) -> bytes:
    """Return a whole POST request of a batch."""
    return post_head(len(body), *lines) + body
