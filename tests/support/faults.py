"""Faults that are really there: failing writes and calls, and crash images, made with SQLite, strace and files."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


def faulty(*faults: str) -> tuple[str, ...]:
    """Return what to start a program with whose system calls meet faults, such as ``fsync:error=EIO:when=2..3``.

    The program stops for these calls alone. Not for signals: strace 6.1 loses most of those that it injects this way.
    """
    calls = ",".join(fault.partition(":")[0] for fault in faults)
    injected = [part for fault in faults for part in ("-e", f"inject={fault}")]
    return ("strace", "-D", "-f", "--seccomp-bpf", "-qq", "-o", os.devnull, "-e", f"trace={calls}", *injected)


@contextmanager
def failing(database: Path, table: str) -> Iterator[None]:
    """Make every change of a table fail, at the moment of the change, until the end of the block."""
    with closing(sqlite3.connect(database, isolation_level=None, timeout=10)) as connection:
        for change in ("INSERT", "UPDATE"):
            connection.execute(
                f"CREATE TRIGGER planted_{change} BEFORE {change} ON {table} BEGIN SELECT RAISE(ABORT, 'planted'); END"
            )
        try:
            yield
        finally:
            for change in ("INSERT", "UPDATE"):
                connection.execute(f"DROP TRIGGER planted_{change}")


@contextmanager
def held_lock(database: Path) -> Iterator[None]:
    """Hold the write lock of a database as another program would."""
    with closing(sqlite3.connect(database, isolation_level=None, timeout=10)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")


def crash_image(data_dir: Path, target: Path) -> Path:
    """Copy what a process that is killed now would leave: the files without the memory shared between connections."""
    shutil.copytree(data_dir, target, ignore=shutil.ignore_patterns("*-shm", "lock"))
    return target
