"""The installed ``telemetry`` command as a real process."""

import json
import re
import signal
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tests.support.processes import start

START_TIMEOUT_S = 60.0
# A test sends from one address what a thousand clients would: the limit is at work, and out of reach.
HIGH_RATE_LIMIT = ("--rate-limit-requests-per-minute", "1000000000")


class Answer:
    """Status, headers and body of one HTTP exchange."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class ServerProcess:
    """A running service. ``url`` is where it listens; ``output`` is what it has printed so far.

    One that ``has_sockets`` is given them by a service manager.
    """

    def __init__(
        self,
        data_dir: Path,
        *flags: str,
        prefix: Sequence[str] = (),
        environment: dict[str, str] | None = None,
        descriptors: Sequence[int] = (),
        has_sockets: bool = False,
    ) -> None:
        self.data_dir = data_dir
        self.output: list[str] = []
        self.url = ""
        self._listening = threading.Event()
        self._process = start(
            "serve",
            *(() if has_sockets else ("--port", "0")),
            *("--data-dir", str(data_dir), *HIGH_RATE_LIMIT, *flags),
            prefix=prefix,
            environment=environment,
            descriptors=descriptors,
            merged=True,
        )
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def wait_until_listening(self) -> "ServerProcess":
        assert self._listening.wait(START_TIMEOUT_S), f"not listening: {self.output}"
        assert self.url, f"ended before listening: {self.output}"
        return self

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        timeout: float = 30,
    ) -> Answer:
        request = urllib.request.Request(self.url + path, data=body, method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return Answer(response.status, dict(response.headers), response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers), error.read())

    def post(self, body: bytes) -> Answer:
        return self.request("POST", "/v1/events", body)

    def kill(self) -> None:
        """End the process as a crash would."""
        self.signal(signal.SIGKILL)
        self.wait()

    def stop(self, timeout: float = 30) -> int:
        """Ask the process to stop, and return its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self, timeout: float = 30) -> int:
        code = self._process.wait(timeout)
        self._reader.join(timeout)
        return code

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self.output.append(line.rstrip("\n"))
                if not self.url and (found := re.search(r"http://[^\s\"]+:\d+", line)):
                    self.url = found[0]
                    self._listening.set()
        self._listening.set()


@contextmanager
def serving(
    data_dir: Path, *flags: str, prefix: Sequence[str] = (), environment: dict[str, str] | None = None
) -> Iterator[ServerProcess]:
    """Run a service until the end of the block; it is killed there if it still runs."""
    process = ServerProcess(data_dir, *flags, prefix=prefix, environment=environment)
    try:
        yield process.wait_until_listening()
    finally:
        if process.running:
            process.kill()
