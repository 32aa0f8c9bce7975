"""The process that seals a segment, as the service sees it."""

import asyncio
import errno
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from typing import Self

import msgspec

from telemetry.storage.aggregates.segment_states import Counts
from telemetry.storage.log import sealing
from telemetry.storage.sqlite.background import NotNowError

# A process too many, too few descriptors or too little memory: later there may be enough.
_EXHAUSTED = {errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM}


class _Report(msgspec.Struct):
    counts: Counts | None = None
    put_off: str | None = None
    failed: str | None = None


class SealingError(Exception):
    """A segment could not be sealed; it is as good as it was."""


class SealingProcess:
    """One process at work on one segment; it may be stopped at any moment, and ends with the service."""

    def __init__(self, path: Path, process: Process) -> None:
        self.day = path.stem
        self.pid = process.pid
        self._process = process
        self._output = b""

    @classmethod
    async def start(cls, path: Path, watermark: int) -> Self:
        """Start sealing a segment that nobody else writes; raise ``NotNowError`` if the system has no room for it."""
        arguments = ["-m", sealing.__name__, str(path), str(watermark), str(os.getpid())]
        # What is sorted does not fit into memory, and elsewhere the disk may be small, or be memory. SQLite reads this
        # variable when it is loaded.
        environment = os.environ | {"SQLITE_TMPDIR": str(path.parent)}
        # In a session of its own, so that Ctrl-C reaches the service alone.
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, stdin=DEVNULL, stdout=PIPE, start_new_session=True, env=environment
            )
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            raise NotNowError(f"no process can be started ({error.strerror})") from error
        return cls(path, process)

    async def wait(self) -> None:
        """Return when the process has ended."""
        self._output, _ = await self._process.communicate()

    def counts(self) -> Counts:
        """Return what the sealed segment holds; raise ``NotNowError`` or ``SealingError`` if it is not sealed."""
        if not self._output:
            raise SealingError(f"its process ended with {self._process.returncode}")
        report = msgspec.json.decode(self._output, type=_Report)
        if report.put_off is not None:
            raise NotNowError(report.put_off)
        if report.counts is None:
            raise SealingError(report.failed)
        return report.counts

    async def stop(self) -> None:
        """End the process, wherever it is, and return when it is gone."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
