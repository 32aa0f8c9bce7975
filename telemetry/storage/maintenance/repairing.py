"""Repair: the aggregates of a stopped service become what a recount of the raw events says."""

from pathlib import Path

from telemetry.counting.limits import CountingLimits
from telemetry.operator_errors import DamagedError
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.maintenance.examination import CURRENT, EXPECTED, Recounted, compare, damage_of, find_sound
from telemetry.storage.maintenance.findings import Finding
from telemetry.storage.sqlite.copying import Progress, copy_database


async def repair_numbers(
    directory: DataDirectory,
    aggregates: Aggregates,
    folder: Path,
    limits: CountingLimits,
    on_bytes: Progress,
    *,
    dry_run: bool = False,
) -> tuple[list[Finding], Recounted]:
    """Compare the aggregates with a recount that is made in ``folder``, and adopt it; return what was found.

    Raises ``DamagedError`` if the aggregates themselves are damaged.
    """
    copy_database(directory.aggregates, folder / CURRENT)
    findings, sound = find_sound(directory, full=False, on_bytes=on_bytes)
    if damage := damage_of(directory.aggregates, findings):
        raise DamagedError(f"{directory.aggregates} {damage}")
    recounted = await compare(folder, sound, limits, on_bytes)
    if not dry_run and any(recounted.counts.values()):
        await aggregates.adopt(folder / EXPECTED)
    return findings, recounted
