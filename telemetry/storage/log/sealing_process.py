"""The process that seals a segment, as the service sees it."""

from collections.abc import Collection
from pathlib import Path
from typing import Self

import msgspec

from telemetry.storage.aggregates.segment_states import Counts
from telemetry.storage.log import erasing, sealing
from telemetry.storage.sqlite.background import NotNowError
from telemetry.storage.sqlite.background_process import BackgroundProcess


class _Report(msgspec.Struct):
    counts: Counts | None = None
    put_off: str | None = None
    failed: str | None = None


class SealingError(Exception):
    """A segment could not be sealed; it is as good as it was."""


class SealingProcess:
    """One process at work on one segment; it may be stopped at any moment, and ends with the service."""

    def __init__(self, path: Path, process: BackgroundProcess) -> None:
        self.day = path.stem
        self.pid = process.pid
        self._process = process
        self.wait = process.wait
        self.stop = process.stop

    @classmethod
    async def start(cls, path: Path, watermark: int, erased: Collection[str] | None = None) -> Self:
        """Start sealing a segment that nobody else writes; raise ``NotNowError`` if the system has no room for it.

        With ``erased``, erase the events of these installations first; see ``erasing``.
        """
        module = sealing if erased is None else erasing
        given = None if erased is None else "\n".join(erased).encode()
        arguments = [str(path), str(watermark)]
        process = await BackgroundProcess.start(module.__name__, arguments, sorting_in=path.parent, given=given)
        return cls(path, process)

    def counts(self) -> Counts:
        """Return what the sealed segment holds; raise ``NotNowError`` or ``SealingError`` if it is not sealed."""
        if not self._process.output:
            raise SealingError(f"its process ended with {self._process.status}")
        report = msgspec.json.decode(self._process.output, type=_Report)
        if report.put_off is not None:
            raise NotNowError(report.put_off)
        if report.counts is None:
            raise SealingError(report.failed)
        return report.counts
