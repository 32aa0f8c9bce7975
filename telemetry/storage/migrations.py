"""Numbered migrations from ``sql/migrations/<kind>/``, each applied in a transaction of its own."""

from pathlib import Path

import aiosqlite

from telemetry.errors import DataDamagedError
from telemetry.storage.queries import folder


async def migrate(connection: aiosqlite.Connection, kind: str) -> int:
    """Bring a database to the newest version, recorded by ``PRAGMA user_version``; return how many steps that took."""
    version = await schema_version(connection)
    scripts = _scripts(kind)
    if version > len(scripts):
        raise DataDamagedError(
            f"the {kind} database has schema version {version}, this program knows {len(scripts)}: install a newer one"
        )
    for number, script in enumerate(scripts[version:], version + 1):
        body = script.read_text(encoding="utf-8")
        try:
            await connection.executescript(f"BEGIN IMMEDIATE;\n{body}\nPRAGMA user_version = {number};\nCOMMIT;")
        except BaseException:
            if connection.in_transaction:
                await connection.execute("ROLLBACK")
            raise
    return len(scripts) - version


async def schema_version(connection: aiosqlite.Connection) -> int:
    """Return the version that the database was migrated to."""
    ((version,),) = await connection.execute_fetchall("PRAGMA user_version")
    return int(version)


def _scripts(kind: str) -> list[Path]:
    return sorted((folder() / "migrations" / kind).glob("*.sql"))
