"""The table ``erasures``, read and written while no service runs.

An import leaves out the installations in it. A restore has their erasure done again.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from telemetry.operator_errors import DamagedError, NoDataError, OperatorError
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.sqlite.queries import query
from telemetry.storage.sqlite.reading import read_only


class Erasure(NamedTuple):
    """An installation that is to be forgotten or excluded, when that was asked for, and whether it is done."""

    installation_sha256: str
    kind: str
    requested_at: str
    finished: bool = False


def known_erasures(aggregates: Path) -> list[Erasure]:
    """Return the erasures in a database; none if it is missing, too old or damaged.

    Raises ``OperatorError`` if it cannot be read for another reason.
    """
    try:
        with read_only(aggregates) as connection:
            rows = connection.execute(
                "SELECT installation_sha256, kind, requested_at, finished_at IS NOT NULL FROM erasures"
            )
            return [Erasure(*row) for row in rows]
    except (sqlite3.OperationalError, NoDataError, DamagedError):
        return []


def is_unreadable(aggregates: Path) -> bool:
    """Tell whether a database exists but cannot be read."""
    try:
        with read_only(aggregates) as connection:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    except NoDataError:
        return False
    except (sqlite3.OperationalError, OperatorError):
        return True
    return False


def erasures_by_installation(aggregates: Path) -> dict[str, Erasure]:
    """Return the erasures in a database by the hashed id of the installation."""
    return {erasure.installation_sha256: erasure for erasure in known_erasures(aggregates)}


async def request_again(path: Path, erasures: Iterable[Erasure]) -> int:
    """Request the erasures that a database lacks, for the next start; return how many it lacked."""
    aggregates = await Aggregates.open(path, synchronous="FULL")
    try:
        requested = 0
        async with aggregates.change() as connection:
            for erasure in sorted(erasures, key=lambda erasure: erasure.requested_at):
                changed = await connection.execute(query("request_erasure_again"), erasure[:3])
                requested += changed.rowcount
        return requested
    finally:
        await aggregates.close()


def undone_exclusions(aggregates: Path) -> dict[str, str]:
    """Return when exclusions were undone, by hashed id of the installation; none for an older database."""
    try:
        with read_only(aggregates) as connection:
            return dict(connection.execute("SELECT installation_sha256, undone_at FROM undone_exclusions"))
    except (sqlite3.OperationalError, NoDataError, DamagedError):
        return {}


async def undo_again(path: Path, undone: Mapping[str, str]) -> None:
    """Undo the exclusions in a database that were requested before the times in ``undone``."""
    aggregates = await Aggregates.open(path, synchronous="FULL")
    try:
        async with aggregates.change() as connection:
            for name in ("undo_older_exclusion", "note_undone_exclusion"):
                await connection.executemany(query(name), undone.items())
    finally:
        await aggregates.close()
