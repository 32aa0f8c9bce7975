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
