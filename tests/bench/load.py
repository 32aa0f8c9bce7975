"""Closed-loop load: ``wrk`` keeps a number of connections busy, and hides whatever waiting it causes itself."""

import shutil
import subprocess
from pathlib import Path

import msgspec

SCRIPT = Path(__file__).with_name("requests.lua")
# A reply that takes longer than this is an error.
REPLY_TIMEOUT_S = 10
GRACE_S = 30


class LoadError(Exception):
    """The load cannot be made."""


class Answered(msgspec.Struct, frozen=True):
    """What ``wrk`` saw: requests answered with success, and how long each one took."""

    requests: int
    seconds: float
    failed: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    position: int
    exhausted: bool


def require_wrk() -> None:
    """Raise ``LoadError`` unless ``wrk`` is installed."""
    if shutil.which("wrk") is None:
        raise LoadError("wrk makes the load and is not installed: install the Debian package `wrk` (apt install wrk)")


def drive(url: str, corpus: Path, *, offset: int, connections: int, seconds: int) -> Answered:
    """Send requests of a corpus from an offset on, as fast as the server answers them."""
    # One thread: it saturates several servers of this kind, and has the corpus for itself.
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s"]
    command += ["--timeout", f"{REPLY_TIMEOUT_S}s", "--script", str(SCRIPT), url, "--", str(corpus), str(offset)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=seconds + GRACE_S, check=False)
    if ended.returncode:
        raise LoadError(f"wrk failed: {ended.stderr.strip() or ended.stdout.strip()}")
    answered = msgspec.json.decode(ended.stdout.splitlines()[-1], type=Answered)
    if answered.exhausted:
        raise LoadError(f"the server answered more requests than {corpus.name} holds: write a larger corpus")
    return answered
