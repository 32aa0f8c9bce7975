"""The files of a database, and how SQLite is told to open them."""

from pathlib import Path

MAGIC = b"SQLite format 3\0"
"""How each database file begins."""
LOG, SHARED_MEMORY, JOURNAL = "-wal", "-shm", "-journal"
"""The ends of the names of what SQLite keeps beside a database; the shared memory is the log's index."""
COMPANIONS = (LOG, SHARED_MEMORY, JOURNAL)

SCHEMA_COPY = "-schema-"
"""Stands between the name of a database and the schema version in the name of an upgrade's copy."""


def beside(path: Path, suffix: str) -> Path:
    """Return the file with one of these ends that belongs to a database."""
    return path.with_name(f"{path.name}{suffix}")


def read_only_uri(path: Path) -> str:
    """Return how SQLite is told to open a file without writing to it."""
    return f"{path.absolute().as_uri()}?mode=ro"


def existing_uri(path: Path) -> str:
    """Return how SQLite is told to open a file for writing, and not to make one."""
    return f"{path.absolute().as_uri()}?mode=rw"


def unlocked_uri(path: Path) -> str:
    """Return the URI that has SQLite write a file without locks, which some network shares lack.

    No other process may know of the file.
    """
    return f"{path.absolute().as_uri()}?vfs=unix-none"


def immutable_uri(path: Path) -> str:
    """Return how SQLite is told to read a file that nobody writes: without locks and without what lies beside it."""
    return f"{path.absolute().as_uri()}?immutable=1"
