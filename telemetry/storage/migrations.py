"""Numbered migrations from ``sql/migrations/<kind>/``, each applied in a transaction of its own."""

from pathlib import Path

import aiosqlite

from telemetry.errors import DataDamagedError
from telemetry.storage.queries import scripts


async def check_version(connection: aiosqlite.Connection, path: Path, kind: str) -> None:
    """Raise ``DataDamagedError`` if a database was migrated by a newer program; the file is not touched."""
    check_known(await schema_version(connection), path, kind)


def check_known(version: int, path: Path, kind: str) -> None:
    """Raise ``DataDamagedError`` if this program does not know a schema version, because it is newer."""
    known = newest_version(kind)
    if version > known:
        raise DataDamagedError(f"{path} has schema version {version}, this program knows {known}: install a newer one")


def newest_version(kind: str) -> int:
    """Return the schema version that this program writes."""
    return len(scripts(kind))


async def migrate(connection: aiosqlite.Connection, kind: str) -> None:
    """Bring a database to the newest version, recorded by ``PRAGMA user_version``."""
    version = await schema_version(connection)
    for number, script in enumerate(scripts(kind)[version:], version + 1):
        try:
            await connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")
        except BaseException:
            if connection.in_transaction:
                await connection.execute("ROLLBACK")
            raise


async def schema_version(connection: aiosqlite.Connection) -> int:
    """Return the version that the database was migrated to."""
    ((version,),) = await connection.execute_fetchall("PRAGMA user_version")
    return int(version)
