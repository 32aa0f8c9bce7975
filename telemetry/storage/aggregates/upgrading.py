"""Copies of the aggregates that upgrades keep, so that the operator can go back to the program before."""

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

from telemetry.operator_errors import OperatorError
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.sqlite.copying import copy_database
from telemetry.storage.sqlite.migrations import newest_version, schema_copies, schema_copy
from telemetry.storage.sqlite.reading import read_only
from telemetry.storage.sqlite.syncing import sync_folder

logger = logging.getLogger(__name__)

# After a kill between two migrations, the next start keeps a copy of the half-migrated file too.
_COPIES_MAX = 2


def keep_before_upgrade(directory: DataDirectory, on_progress: Callable[[], None] = lambda: None) -> None:
    """Copy the aggregates of a locked directory if this program is going to migrate them; older copies go.

    ``on_progress`` is called during the copy. Without room for a copy, the upgrade goes on and a warning is logged.
    """
    version = _version(directory.aggregates)
    if not 0 < version < newest_version("aggregates"):
        return
    copy = schema_copy(directory.aggregates, version)
    try:
        with directory.scratch() as folder:
            copy_database(directory.aggregates, folder / copy.name, lambda _bytes: on_progress())
            (folder / copy.name).rename(copy)
        sync_folder(directory.root)
    except (OperatorError, sqlite3.Error, OSError) as error:
        logger.warning("no copy of the aggregates was kept before their migration", extra={"reason": str(error)})
        return
    logger.info("kept a copy of the aggregates before their migration", extra={"path": str(copy)})
    for older in schema_copies(directory.aggregates)[:-_COPIES_MAX]:
        older.unlink()


def _version(aggregates: Path) -> int:
    """Return the schema version, or 0 if it cannot be read: opening the file reports what is wrong with it."""
    try:
        with read_only(aggregates) as connection:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])
    except (OperatorError, sqlite3.Error):
        return 0
