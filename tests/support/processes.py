"""The ``telemetry`` command as a process: forked from one that has it loaded, or started as a user would."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from threading import Lock
from typing import IO, Protocol

from tests.support import forking

COMMAND = Path(sys.executable).with_name("telemetry")
_ROOT = Path(__file__).parents[2]
# What Python and its libraries read when they are loaded: who changes such a variable needs a process from scratch.
_READ_AT_START = re.compile("PYTHON|LC_|LD_|LANG|TZ|TMP|SQLITE_|MALLOC_")


class Process(Protocol):
    """The part of ``subprocess.Popen`` that a test needs of a command."""

    @property
    def pid(self) -> int: ...
    @property
    def stdout(self) -> IO[str] | None: ...
    @property
    def stderr(self) -> IO[str] | None: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int) -> None: ...
    def kill(self) -> None: ...
    def communicate(self, *, timeout: float | None = None) -> tuple[str, str]: ...


def start(
    *arguments: str | Path,
    prefix: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    descriptors: Sequence[int] = (),
    merged: bool = False,
) -> Process:
    """Start a command; its standard error is a pipe of its own, or ``merged`` into that of its standard output."""
    variables = os.environ | (environment or {})
    if not prefix and not descriptors and _read_at_start(variables) == _read_at_start(_preloaded().environment):
        return _Fork(list(map(str, arguments)), variables, merged=merged)
    return subprocess.Popen(
        [*prefix, str(COMMAND), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merged else subprocess.PIPE,
        text=True,
        env=variables,
        pass_fds=descriptors,
    )


def end_preloaded() -> None:
    """End the process that forks, if there is one."""
    if _started.cache_info().currsize:
        _started().end()
        _started.cache_clear()


def _read_at_start(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if _READ_AT_START.match(name)}


class _Preloaded:
    """The process that forks."""

    def __init__(self) -> None:
        self.environment = dict(os.environ)
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", forking.__name__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                cwd=_ROOT,
            )

    def end(self) -> None:
        """Wait for the end, which comes when there are no more orders."""
        self.control.close()
        self._process.wait(60)


_starting = Lock()


@cache
def _started() -> _Preloaded:
    return _Preloaded()


def _preloaded() -> _Preloaded:
    # Two threads that come first would start one each, and the one that nothing refers to would end.
    with _starting:
        return _started()


class _Fork:
    def __init__(self, arguments: list[str], environment: Mapping[str, str], *, merged: bool) -> None:
        order = {"arguments": arguments, "environment": dict(environment), "folder": str(Path.cwd())}
        self._status, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        readable, output = os.pipe()
        self.stdout: IO[str] = os.fdopen(readable)
        self.stderr: IO[str] | None = None
        errors = output
        if not merged:
            readable, errors = os.pipe()
            self.stderr = os.fdopen(readable)
        message = json.dumps(order).encode()
        assert len(message) < forking.MESSAGE_BYTES_MAX
        socket.send_fds(_preloaded().control, [message], [0, output, errors, theirs.fileno()])
        theirs.close()
        for descriptor in {output, errors}:
            os.close(descriptor)
        self._code: int | None = None
        self.pid = int(self._status.recv(32))

    def poll(self) -> int | None:
        """Return the exit code, or minus the signal, if the process has ended."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        if self._code is None:
            self._status.settimeout(timeout)
            try:
                self._code = int(self._status.recv(32))
            except (BlockingIOError, TimeoutError) as error:
                raise subprocess.TimeoutExpired("telemetry", timeout or 0) from error
            self._status.close()
        return self._code

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        self.send_signal(9)

    def communicate(self, *, timeout: float | None = None) -> tuple[str, str]:
        """Return what the process prints until its end."""
        with ThreadPoolExecutor(2) as readers:
            printed = [readers.submit(stream.read) for stream in (self.stdout, self.stderr) if stream is not None]
            try:
                self.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        for stream in (self.stdout, self.stderr):
            if stream is not None:
                stream.close()
        return printed[0].result(), "".join(errors.result() for errors in printed[1:])
