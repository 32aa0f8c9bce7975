"""Locks that let one process at a time do a task in a data directory."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from telemetry.operator_errors import InUseError


@contextmanager
def only_process(lock: Path, refusal: str) -> Iterator[None]:
    """Hold a lock until the end of the block; raise ``InUseError`` with ``refusal`` if another process holds it."""
    descriptor = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise InUseError(refusal) from error
    try:
        yield
    finally:
        os.close(descriptor)
