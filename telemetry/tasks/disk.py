"""The disk budget: how large the data directory may become before new events are refused."""

import logging

from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.own_files import used_bytes

logger = logging.getLogger(__name__)


class DiskBudget:
    """Knows the size of the data as of the last check; without ``bytes_max``, 0, it is never exceeded.

    What a restore has moved aside is no part of it: the operator who asked for that decides how long it stays.
    """

    def __init__(self, directory: DataDirectory, *, bytes_max: int) -> None:
        self.used_bytes = 0
        self.bytes_max = bytes_max
        self._directory = directory
        self._told = False

    @property
    def exceeded(self) -> bool:
        """Whether new events have to be refused."""
        return 0 < self.bytes_max < self.used_bytes

    async def check(self) -> None:
        """Measure the data directory; nothing is ever deleted to make room."""
        self.used_bytes = used_bytes(self._directory)
        sizes = {"used_bytes": self.used_bytes, "disk_bytes_max": self.bytes_max}
        if self.exceeded:
            logger.error("the disk budget is used up, events are refused: raise disk_bytes_max", extra=sizes)
        elif self._told:
            logger.info("the disk budget has room again, events are accepted", extra=sizes)
        self._told = self.exceeded
