"""Owning a data directory: its lock is held, its aggregates are open and whole."""

import asyncio
import logging
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from telemetry.operator_errors import OutdatedError
from telemetry.settings import Settings
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.aggregates.key_file import replace_lost_key
from telemetry.storage.aggregates.loss import check_aggregates
from telemetry.storage.aggregates.new_rows import NewRows
from telemetry.storage.aggregates.segment_states import SegmentStates
from telemetry.storage.aggregates.upgrading import keep_before_upgrade
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.node import settle_node
from telemetry.storage.log.archive import Archive
from telemetry.storage.log.saved_files import put_back
from telemetry.storage.maintenance.bulk_decisions import count_bulk_decisions
from telemetry.storage.maintenance.sorting import sort_signatures
from telemetry.storage.sqlite.background import NotNowError
from telemetry.storage.sqlite.database import PAGE_BYTES, SQLITE_VERSION_MIN
from telemetry.storage.sqlite.errors import explaining
from telemetry.storage.sqlite.repaging import write_in_pages

logger = logging.getLogger(__name__)


@asynccontextmanager
async def data_directory(
    settings: Settings, *, accept_loss: bool = False, on_progress: Callable[[], None] = lambda: None
) -> AsyncIterator[tuple[DataDirectory, Aggregates]]:
    """Own the data directory and have its aggregates open; raise ``OperatorError`` if it cannot be used.

    Aggregates that are missing or empty beside events are made from scratch only with ``accept_loss``. ``on_progress``
    is called while those of an older program are copied or written again, by a thread of its own.
    """
    if sqlite3.sqlite_version_info < SQLITE_VERSION_MIN:
        needed = ".".join(map(str, SQLITE_VERSION_MIN))
        raise OutdatedError(
            f"SQLite {sqlite3.sqlite_version} is too old: use a Python that comes with {needed} or newer"
        )
    os.umask(0o077)
    directory = DataDirectory(Path(settings.data_dir))
    directory.create()
    with directory.locked():
        settle_node(directory.node)
        put_back(directory)
        if not accept_loss:
            check_aggregates(directory)
        await asyncio.to_thread(_use_small_pages, directory, on_progress)
        await asyncio.to_thread(keep_before_upgrade, directory, on_progress)
        with explaining(directory.aggregates):
            aggregates = await Aggregates.open(
                directory.aggregates,
                synchronous=settings.synchronous,
                admission=NewRows(settings.daily_signatures_max),
            )
        try:
            await sort_signatures(aggregates, directory.segments())
            await count_bulk_decisions(aggregates, directory.segments())
            yield directory, aggregates
        finally:
            await aggregates.close()


async def migrate_all(
    settings: Settings, *, accept_loss: bool = False, accept_new_id_key: bool = False
) -> list[tuple[str, int]]:
    """Migrate every database in the data directory; return their names and versions. See ``data_directory``.

    With ``accept_new_id_key``, a new key takes the place of one that is lost.
    """
    async with data_directory(settings, accept_loss=accept_loss) as (directory, aggregates):
        if accept_new_id_key:
            await replace_lost_key(directory, aggregates, settings.id_key)
        versions = [(directory.aggregates.name, await aggregates.schema_version())]
        archive = Archive(directory, SegmentStates(aggregates), synchronous=settings.synchronous)
        versions += [(f"events/{state.day}.db", await archive.migrate(state)) for state in await archive.segments()]
    return versions


def _use_small_pages(directory: DataDirectory, on_progress: Callable[[], None]) -> None:
    """Rewrite the aggregates of an older program with smaller pages, or log why they stay as they are."""
    page_bytes = PAGE_BYTES["aggregates"]
    try:
        with directory.scratch() as folder:
            if write_in_pages(directory.aggregates, page_bytes, "aggregates", folder, on_progress):
                logger.info("telemetry.db was written again in smaller pages", extra={"bytes": page_bytes})
    except (NotNowError, sqlite3.Error, OSError) as reason:
        # Large pages only cost more writes. If the file is damaged, opening it reports that.
        logger.warning(
            "telemetry.db keeps its large pages, which the next start tries to change", extra={"reason": str(reason)}
        )
