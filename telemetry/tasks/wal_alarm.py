"""The WAL alarm: a reader that does not let go of its snapshot is told of before it fills the disk."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.file_sizes import measure

logger = logging.getLogger(__name__)


class WalAlarm:
    """Looks after every flush, and warns while the write-ahead logs are larger than checkpoints that succeed keep them.

    Flushes are when the aggregates' log grows, and often enough for that of the segment.
    """

    def __init__(self, flush: Callable[[], Awaitable[None]], directory: DataDirectory, *, bytes_max: int) -> None:
        self._flush = flush
        self._directory = directory
        self._bytes_max = bytes_max

    async def flush_and_look(self) -> None:
        """Flush, then look, whether that succeeded or not."""
        try:
            await self._flush()
        finally:
            self._look()

    def _look(self) -> None:
        # A disk that cannot be read is told of by whatever needs what is on it.
        with suppress(OSError):
            sizes = measure(self._directory)
            if max(sizes.segments_wal_bytes, sizes.aggregates_wal_bytes) > self._bytes_max:
                logger.warning(
                    "a write-ahead log keeps growing: end the program that reads a database and does not finish",
                    extra={"segments_bytes": sizes.segments_wal_bytes, "aggregates_bytes": sizes.aggregates_wal_bytes},
                )
