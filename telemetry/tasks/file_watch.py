"""The file watch: notices that an open database was removed or replaced, and has a restart bring its events back."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress

from telemetry.operator_errors import OperatorError, StorageFailedError
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.log.event_log import EventLog
from telemetry.storage.sqlite.open_file import OpenFile

logger = logging.getLogger(__name__)

WATCHING_INTERVAL_S = 0.5
# Long enough for a monitor to see the service unhealthy before the service manager restarts it.
SAVING_GRACE_S = 30.0


class FileWatch:
    """Looks after the open databases, and the key of hashed ids.

    While a database is ``lost``, events are refused; what the open file holds is saved at once. When that has been so
    for a while, ``run`` ends with an error, and the service with it: the next start puts back what was saved. A folder
    that was moved is waited for.
    """

    def __init__(
        self,
        aggregates: Aggregates,
        log: EventLog,
        monotonic: Callable[[], float],
        *,
        put_back_key: Callable[[], bool] = lambda: False,
    ) -> None:
        self.lost = False
        self._aggregates = aggregates
        self._log = log
        self._monotonic = monotonic
        self._put_back_key = put_back_key
        self._saved: dict[OpenFile, float] = {}
        self._reported: set[OpenFile] = set()
        self._closed = asyncio.Event()

    async def run(self) -> None:
        """Look until closed; raise ``StorageFailedError`` when only a restart helps. Never cancelled."""
        while not self._closed.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), WATCHING_INTERVAL_S)
            await self.check()
            self._end_if_due()

    def close(self) -> None:
        """Let ``run`` return."""
        self._closed.set()

    async def check(self) -> None:
        """Look at every open database once; report and save what is lost."""
        files = [self._aggregates.file, *self._log.files]
        lost = [file for file in files if file.loss() is not None]
        self.lost = bool(lost)
        for file in lost:
            if file not in self._saved:
                await self._save(file)
        for file in set(files) - set(lost):
            self._forget(file)
        self._keep_key()

    def _keep_key(self) -> None:
        # Without it, what was saved could not be used.
        try:
            if self._put_back_key():
                logger.warning("the key of hashed ids was removed while the service ran, it is written again")
        except OSError as error:
            logger.error("the key of hashed ids cannot be written, it is tried again", extra={"reason": str(error)})

    async def _save(self, file: OpenFile) -> None:
        if file not in self._reported:
            self._reported.add(file)
            logger.error(
                "a file is not in its place, events are refused: put it back, or restart the service",
                extra={"path": str(file.path), "reason": f"it {file.loss()}"},
            )
        try:
            holder = self._aggregates if file is self._aggregates.file else self._log
            if await holder.save(file):
                self._saved[file] = self._monotonic()
                logger.warning("what the file held is saved", extra={"path": str(file.path)})
        except (sqlite3.Error, OSError, OperatorError) as error:
            logger.error("what the file held cannot be saved, it is tried again", extra={"reason": str(error)})

    def _forget(self, file: OpenFile) -> None:
        """Remove what was saved of a file that is in its place again."""
        self._reported.discard(file)
        if self._saved.pop(file, None) is not None:
            file.saved_path.unlink(missing_ok=True)
            logger.info("a file is in its place again", extra={"path": str(file.path)})

    def _end_if_due(self) -> None:
        for file, saved_at in self._saved.items():
            if self._monotonic() - saved_at >= SAVING_GRACE_S:
                raise StorageFailedError(
                    f"{file.path} {file.loss()} while the service was running; what it held is saved: start it again"
                )
