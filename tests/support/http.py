"""HTTP as clients and strangers speak it: raw sockets, answers as they arrived, and a server that a module shares."""

import contextlib
import itertools
import json
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.support import oracle
from tests.support.events import Fields, encode, make_event, timestamp
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
    return [
        oracle.Raw(path.stem, event_id, kind, moment, installation, version, json.loads(payload), created_at)
        for path in sorted((server.data_dir / "events").glob("*.db"))
        for event_id, kind, moment, version, payload, created_at in oracle.read(
            path,
            "SELECT id, type, timestamp, drift_version, payload, created_at"
            f" FROM events WHERE installation_id = '{installation}' ORDER BY id",
        )
    ]


def with_raw(value: str, name: str, event_type: str, installation: str) -> bytes:
    """Return a batch of three events; the middle one holds a value that is written as it is given."""
    before, damaged, after = fresh_events(3, installation)
    changes: dict[str, Any] = {"timestamp": damaged["timestamp"], "installationId": installation, name: "@@"}
    damaged |= make_event(event_type) | changes
    return encode([before, damaged, after]).replace(b'"@@"', value.encode("utf-8", "surrogatepass"))


def assert_only_the_neighbours_are_stored(server: ServerProcess, body: bytes, installation: str) -> Any:
    answer = server.post(body)
    assert (answer.status, answer.json["eventsProcessed"]) == (200, 2)
    (rejection,) = answer.json["rejected"]
    assert rejection["index"] == 1
    assert len(stored(server, installation)) == 2
    return rejection


def eventually(condition: Callable[[], bool], *, within_s: float = 20) -> None:
    """Assert that a condition comes true in time, by default one that only a hang uses up."""
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

    def stop_sending(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

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


GET = b"GET /v1/health HTTP/1.1\r\nHost: test\r\n"
POST = b"POST /v1/events HTTP/1.1\r\nHost: test\r\n"
SECRET = b"bearer-0f9c"
_HIDDEN = f"Authorization: {SECRET.decode()}"
_BODY = b'{"events":[]}'

# Requests that no server may take for well-formed; each carries the secret.
MALFORMED = {
    "a length and chunks": post_head(13, "Transfer-Encoding: chunked", _HIDDEN) + _BODY,
    "two equal lengths": post_head(13, "Content-Length: 13", _HIDDEN) + _BODY,
    "two lengths": post_head(13, "Content-Length: 14", _HIDDEN) + _BODY,
    "a list of lengths": POST + b"X: %s\r\nContent-Length: 13, 13\r\n\r\n%s" % (SECRET, _BODY),
    "a negative length": POST + b"X: %s\r\nContent-Length: -1\r\n\r\n" % SECRET,
    "a signed length": POST + b"X: %s\r\nContent-Length: +13\r\n\r\n%s" % (SECRET, _BODY),
    "a length beyond 64 bits": post_head(2**70, _HIDDEN),
    "an unknown transfer encoding": post_head(13, f"Transfer-Encoding: {SECRET.decode()}") + _BODY,
    "two hosts": GET + b"Host: %s\r\n\r\n" % SECRET,
    "a bare line feed": b"GET /v1/health HTTP/1.1\nHost: %s\n\n" % SECRET,
    "a bare line feed in the headers": GET + b"X: %s\nY: 1\r\n\r\n" % SECRET,
    "a bare carriage return": GET + b"X: %s\rY: 1\r\n\r\n" % SECRET,
    "NUL in a header": GET + b"X: %s\x00\r\n\r\n" % SECRET,
    "NUL in the name of a header": GET + b"%s\x00: 1\r\n\r\n" % SECRET,
    "NUL in the path": b"GET /v1/health\x00%s HTTP/1.1\r\nHost: test\r\n\r\n" % SECRET,
    "a folded header": GET + b"X: a\r\n %s\r\n\r\n" % SECRET,
    "a space before the colon": GET + b"X : %s\r\n\r\n" % SECRET,
    "a header without a colon": GET + b"%s\r\n\r\n" % SECRET,
    "a header without a name": GET + b": %s\r\n\r\n" % SECRET,
    "an invented method": b"%s /v1/health HTTP/1.1\r\nHost: test\r\n\r\n" % SECRET,
    "an invented version": b"GET /v1/health HTTP/9.%s\r\nHost: test\r\n\r\n" % SECRET,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + SECRET * 10,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SECRET,
    "noise": bytes(range(256)) + SECRET + b"\r\n\r\n",
}
# Requests that are refused for their size, with the status of each.
TOO_LARGE = {
    "a header that is too long": (431, GET + b"X: %s\r\n\r\n" % (SECRET * 3_000)),
    "a cookie of 6 KB": (431, POST + b"Cookie: a=%s\r\n\r\n" % (SECRET * 540)),
    "the name of a header that is too long": (431, GET + b"%s: 1\r\n\r\n" % (b"X" * 5_000)),
    "seventy headers": (431, GET + b"".join(b"X-%d: 1\r\n" % number for number in range(70)) + b"\r\n"),
    "a path that is too long": (414, b"GET /%s HTTP/1.1\r\nHost: test\r\n\r\n" % (SECRET * 3_000)),
}
