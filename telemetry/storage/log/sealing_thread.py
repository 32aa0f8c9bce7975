"""A thread that seals a segment: for a process that nothing waits for, which has many small ones to seal."""

import asyncio
import os
from pathlib import Path
from typing import Self

from telemetry.storage.aggregates.segment_states import Counts
from telemetry.storage.log.sealing import seal


class SealingThread:
    """Seals one segment as ``SealingProcess`` does, without the 80 ms of CPU time that a process takes to start.

    It has the priority of its process, and cannot be stopped: who wants to stop it waits for its end.
    """

    def __init__(self, path: Path, watermark: int) -> None:
        self.day = path.stem
        self.pid = os.getpid()
        self._sealing = asyncio.ensure_future(asyncio.to_thread(seal, path, watermark))

    @classmethod
    async def start(cls, path: Path, watermark: int) -> Self:
        """Start sealing a segment that nobody else writes."""
        return cls(path, watermark)

    async def wait(self) -> None:
        """Return when the segment is sealed, or cannot be."""
        await asyncio.wait([self._sealing])

    async def stop(self) -> None:
        """Return when the thread has ended."""
        await self.wait()

    def counts(self) -> Counts:
        """Return what the sealed segment holds; raise as ``seal`` does if it is not sealed."""
        return Counts(*self._sealing.result())
