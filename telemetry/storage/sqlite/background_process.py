"""A process that works in the background, as the service sees it."""

import asyncio
import errno
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from telemetry.storage.sqlite.background import NotNowError

# A process too many, too few descriptors or too little memory: later there may be enough.
_EXHAUSTED = {errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM}


class BackgroundProcess:
    """One process that prints what it has done; it may be stopped at any moment, and ends with the service."""

    def __init__(self, process: Process, given: bytes | None = None) -> None:
        self.pid = process.pid
        self.output = b""
        self._process = process
        self._given = given

    @classmethod
    async def start(
        cls, module: str, arguments: Sequence[str], *, sorting_in: Path, given: bytes | None = None
    ) -> Self:
        """Run a module with some arguments and the id of this process; SQLite sorts in ``sorting_in`` there.

        ``wait`` passes ``given`` to its standard input. Raises ``NotNowError`` if the system has no room for it.
        """
        # What is sorted does not fit into memory, and elsewhere the disk may be small, or be memory. SQLite reads this
        # variable when it is loaded.
        environment = os.environ | {"SQLITE_TMPDIR": str(sorting_in)}
        command = ["-m", module, *arguments, str(os.getpid())]
        # In a session of its own, so that Ctrl-C reaches the service alone.
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *command,
                stdin=DEVNULL if given is None else PIPE,
                stdout=PIPE,
                start_new_session=True,
                env=environment,
            )
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            raise NotNowError(f"no process can be started ({error.strerror})") from error
        return cls(process, given)

    @property
    def status(self) -> int | None:
        """What the process ended with, or None while it runs."""
        return self._process.returncode

    async def wait(self) -> None:
        """Return when the process has ended."""
        self.output, _ = await self._process.communicate(self._given)

    async def stop(self) -> None:
        """End the process, wherever it is, and return when it is gone."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
