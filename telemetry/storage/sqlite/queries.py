"""The SQL that lives in ``sql/``, by file name."""

from functools import cache
from pathlib import Path

import telemetry


def folder() -> Path:
    """Return the folder of SQL files: the packaged one, or that of the checkout."""
    packaged = Path(telemetry.__file__).parent / "sql"
    return packaged if packaged.is_dir() else packaged.parents[1] / "sql"


@cache
def query(name: str) -> str:
    """Return the statement in ``sql/<name>.sql``."""
    return (folder() / f"{name}.sql").read_text(encoding="utf-8")


@cache
def scripts(kind: str) -> tuple[str, ...]:
    """Return the migrations of a kind of database, in their order."""
    files = sorted((folder() / "migrations" / kind).glob("*.sql"))
    return tuple(file.read_text(encoding="utf-8") for file in files)


def load_all() -> None:
    """Read every file now: later there may be no descriptor to open one with."""
    for file in folder().glob("*.sql"):
        query(file.stem)
    for kind in (folder() / "migrations").iterdir():
        scripts(kind.name)
