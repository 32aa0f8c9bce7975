"""Where a command writes: standard output, or files that are whole whenever they have their name."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from telemetry.errors import OutputError
from telemetry.storage.data_directory import sync_folder


@contextmanager
def standard_output() -> Iterator[BinaryIO]:
    """Give standard output as bytes; a reader that goes away is no failure of ours."""
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise
        raise OutputError(f"cannot write to standard output: {error.strerror}") from error


@contextmanager
def replaced(path: Path, *, modified_ns: int | None = None) -> Iterator[BinaryIO]:
    """Give a file to write that takes the place of ``path``, durably, once the block has ended well.

    It is for its owner only. ``modified_ns`` becomes the time of its last change.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with os.fdopen(os.open(partial, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        if modified_ns is not None:
            os.utime(partial, ns=(modified_ns, modified_ns))
        partial.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise OutputError(f"cannot write {path} ({error.strerror}): choose another place with --output") from error
    finally:
        partial.unlink(missing_ok=True)
