"""The backups in a folder: their names, their manifests, and which of them is the newest."""

import os
import re
import shutil
import sqlite3
from collections.abc import Container
from contextlib import closing
from pathlib import Path
from typing import Annotated, Self

import msgspec
from msgspec import Meta

from telemetry.clock import instant
from telemetry.operator_errors import DamagedError
from telemetry.storage.sqlite.database_files import immutable_uri

MANIFEST = "backup.json"
FORMAT = 1
_UNFINISHED = ".unfinished"
_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d{6}\.\d{3}Z")
_UNKNOWN = -1


class BackedUp(msgspec.Struct, frozen=True):
    """One file of a backup; ``source_mtime_ns`` is that of the file it was copied from, if that had settled."""

    name: Annotated[
        str,
        Meta(
            pattern=r"^(id\.key|(public-labels|node|forwarding)\.json|(telemetry|published|events/\d{4}-\d\d-\d\d)\.db)$"
        ),
    ]
    bytes: int
    sha256: str
    source_bytes: int = 0
    source_mtime_ns: int | None = None


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds; only a complete one has it. Those of older programs say no ``revision``."""

    format: int
    made_at: str
    program: str
    files: list[BackedUp]
    revision: int | None = None

    def without(self, names: Container[str]) -> Self:
        """Return the same without some files."""
        return msgspec.structs.replace(self, files=[file for file in self.files if file.name not in names])


def backups(root: Path) -> list[Path]:
    """Return the complete backups in a folder, oldest first, whatever a clock said when they were made."""
    try:
        named = [path for path in root.iterdir() if _NAME.fullmatch(path.name)]
    except PermissionError:
        return []
    return sorted((path for path in named if os.access(path / MANIFEST, os.F_OK)), key=_age)


def folder_name(made_at: float) -> str:
    """Return the name of a backup that is made at a time in seconds since 1970."""
    return f"{instant(made_at):%Y-%m-%dT%H%M%S}.{int(made_at * 1_000) % 1_000:03}Z"


def unfinished(folder: Path) -> Path:
    """Return the name that a backup has while it is being made or removed."""
    return folder.with_name(f"{folder.name}{_UNFINISHED}")


def remove_unfinished(root: Path) -> list[Path]:
    """Remove what interrupted runs have left in a folder, and nothing else; return what could not be removed."""
    ours = [path for path in root.iterdir() if _NAME.fullmatch(path.name.removesuffix(_UNFINISHED))]
    left_over = [path for path in ours if path.suffix == _UNFINISHED and path.is_dir() and not path.is_symlink()]
    for path in left_over:
        shutil.rmtree(path, ignore_errors=True)
    return [path for path in left_over if path.exists()]


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a backup; raise ``DamagedError`` if it cannot be read."""
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DamagedError(f"{folder / MANIFEST} is damaged ({error}): choose another backup") from error
    if manifest.format != FORMAT:
        raise DamagedError(f"{folder} was made by a newer program, {manifest.program}: install that")
    return manifest


def revision(folder: Path) -> int:
    """Return the revision of a backup's aggregates, which grows with each of their changes; -1 if it is unknown."""
    try:
        found = read_manifest(folder).revision
    except (DamagedError, OSError):
        found = None
    return copied_revision(folder / "telemetry.db") if found is None else found


def copied_revision(aggregates: Path) -> int:
    """Return the revision of aggregates that nobody writes; -1 if it is unknown."""
    try:
        with closing(sqlite3.connect(immutable_uri(aggregates), uri=True)) as connection:
            return int(connection.execute("SELECT revision FROM state").fetchone()[0])
    except (sqlite3.Error, TypeError, ValueError):
        return _UNKNOWN


def _age(folder: Path) -> tuple[int, int, str]:
    """Return what is greater for a newer backup: until the next revision, segments only grow."""
    try:
        size = sum(file.bytes for file in read_manifest(folder).files)
    except (DamagedError, OSError):
        size = 0
    return revision(folder), size, folder.name
