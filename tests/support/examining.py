"""Examining a data directory as ``telemetry check`` does, with the clock of the test."""

from pathlib import Path
from typing import Any

from telemetry.clock import Clock
from telemetry.counting.limits import CountingLimits
from telemetry.settings import Settings
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.maintenance.examination import Examination, examine


async def examined(data_dir: Path, clock: Clock, *, full: bool = False, **changes: Any) -> Examination:
    settings = Settings(data_dir=str(data_dir), **changes)
    limits = CountingLimits(settings.daily_labels_max, settings.flush_keys_max)
    return await examine(DataDirectory(data_dir), limits, clock, id_key=settings.id_key, full=full)
