"""Numbered migrations from ``sql/migrations/<kind>/``, each applied in a transaction of its own."""

import sqlite3
from pathlib import Path

import aiosqlite

from telemetry.operator_errors import DamagedError
from telemetry.storage.sqlite.database_files import SCHEMA_COPY
from telemetry.storage.sqlite.queries import scripts

# A table that every database of a kind has had since its first migration.
_TELLING_TABLES = {"aggregates": "daily_stats", "segment": "events"}
_HAS_TABLE = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?"


async def check_version(connection: aiosqlite.Connection, path: Path, kind: str) -> None:
    """Raise ``DamagedError`` if a database is of another kind or of a newer program; the file is not touched."""
    version = await schema_version(connection)
    ((tables,),) = await connection.execute_fetchall(_HAS_TABLE, (_TELLING_TABLES[kind],))
    if version and not tables:
        raise DamagedError(f"{path} {other_kind_sentence(kind)}")
    check_known(version, path, kind)


def is_of_kind(connection: sqlite3.Connection, kind: str) -> bool:
    """Tell whether a database has the tables of its kind; one without a schema version may still get them."""
    ((version,),) = connection.execute("PRAGMA user_version")
    ((tables,),) = connection.execute(_HAS_TABLE, (_TELLING_TABLES[kind],))
    return bool(tables or not version)


def other_kind_sentence(kind: str) -> str:
    """Return what is said of a database that lies where one of a ``kind`` should, after its name."""
    return (
        f"is another database: it has no table {_TELLING_TABLES[kind]}. Move it away, and copy the right one there "
        "from a backup"
    )


def check_known(version: int, path: Path, kind: str) -> None:
    """Raise ``DamagedError`` if this program does not know a schema version, because it is newer."""
    known = newest_version(kind)
    if version > known:
        copy, back = schema_copy(path, known), ""
        if copy.exists():
            back = f", or put {copy.name} in its place, which the upgrade kept: see docs/recipes.md"
        raise DamagedError(
            f"{path} has schema version {version}, this program knows {known}: install a newer one{back}"
        )


def schema_copy(path: Path, version: int) -> Path:
    """Return the path of the copy of a database that an upgrade from a schema version keeps."""
    return path.with_name(f"{path.name}{SCHEMA_COPY}{version}")


def newer_copy(path: Path) -> Path:
    """Return where docs/recipes.md puts a database of a newer schema, to go back to the program before."""
    return path.with_name(f"{path.name}-newer")


def schema_copies(path: Path) -> list[Path]:
    """Return the copies of a database that upgrades kept and that are there, oldest schema first."""
    start = schema_copy(path, 0).name.removesuffix("0")
    versions = {copy: copy.name.removeprefix(start) for copy in path.parent.glob(f"{start}*")}
    return sorted(
        (copy for copy, version in versions.items() if version.isdecimal()), key=lambda copy: int(versions[copy])
    )


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
