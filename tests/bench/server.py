"""Servers under test: real processes on a free port of 127.0.0.1, each with a data directory of its own."""

import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.log_reader import last_ids, unflushed
from tests.bench.usage import Usage, usage

START_TIMEOUT_S = 300.0
STOP_TIMEOUT_S = 60.0
FLUSH_TIMEOUT_S = 60.0
_POLL_S = 0.02
# The log is still when it has not grown for this long.
_STILL_S = 0.3

_PYTHON = sys.executable
PRODUCTION = ("--environment", "production", "--log-format", "json")
TELEMETRY = str(Path(_PYTHON).with_name("telemetry"))
SERVICE = (
    TELEMETRY, "serve", *PRODUCTION, "--host", "127.0.0.1", "--port", "0",
    # The whole load comes from one address: the limit is at work, and out of reach.
    "--rate-limit-requests-per-minute", "1000000000",
)  # fmt: skip
CEILING = (_PYTHON, "-m", "tests.bench.ceiling_server")
OBVIOUS = (_PYTHON, "-m", "tests.bench.obvious_server")


class ServerError(Exception):
    """A server did not do what it is there for."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers; ``start_s`` is how long it took until it did."""

    pid: int
    url: str
    data_dir: Path
    start_s: float

    def usage(self) -> Usage:
        """Return what the server has used so far."""
        return usage(self.pid)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def wait_until_still(self) -> float:
        """Wait until the log grows no more; return when it last grew."""
        length, grown_at = last_ids(self.data_dir), time.monotonic()
        while time.monotonic() - grown_at < _STILL_S:
            time.sleep(_POLL_S)
            if (now := last_ids(self.data_dir)) != length:
                length, grown_at = now, time.monotonic()
        return grown_at

    def wait_until_flushed(self) -> None:
        """Wait until the aggregates include everything in the log."""
        deadline = time.monotonic() + FLUSH_TIMEOUT_S
        while waiting := unflushed(self.data_dir):
            if time.monotonic() > deadline:
                raise ServerError(f"{waiting} events were not flushed within {FLUSH_TIMEOUT_S:.0f} s")
            time.sleep(_POLL_S)


@contextmanager
def serving(command: Sequence[str], data_dir: Path) -> Iterator[Server]:
    """Run a server until the end of the block, where it is asked to stop."""
    data_dir.mkdir(parents=True, exist_ok=True)
    output = data_dir / "output.log"
    started_at = time.monotonic()
    with output.open("wb") as sink:
        process = subprocess.Popen([*command, "--data-dir", str(data_dir)], stdout=sink, stderr=subprocess.STDOUT)
    try:
        url = _wait_until_answering(process, output)
        yield Server(process.pid, url, data_dir, time.monotonic() - started_at)
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_answering(process: subprocess.Popen[bytes], output: Path) -> str:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        printed = output.read_text(encoding="utf-8", errors="replace")
        if process.poll() is not None:
            raise ServerError(f"{process.args!r} ended: {printed.strip()}")
        if (found := re.search(r"http://[^\s\"]+:\d+", printed)) and _answers(found[0]):
            return found[0]
        time.sleep(_POLL_S)
    raise ServerError(f"no answer within {START_TIMEOUT_S:.0f} s: {output.read_text(encoding='utf-8')}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/v1/health", timeout=5):
            return True
    except urllib.error.HTTPError:
        # Baselines know no such path.
        return True
    except OSError:
        return False
