"""Where a command writes: standard output, a file that is whole whenever it has its name, or what else has a name.

A regular file is replaced once all is written; links are followed, so that the file they lead to is replaced and they
stay. Into devices, FIFOs and descriptors such as ``/dev/stdout`` a command writes as a shell's ``>`` would.
"""

import errno
import fcntl
import io
import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from telemetry.loading import expanded
from telemetry.operator_errors import OutputError
from telemetry.storage.directory.places import is_within
from telemetry.storage.sqlite.syncing import sync_folder

STANDARD_OUTPUT = "-"
_STDOUT_DESCRIPTOR = 1
_BUFFER_BYTES = 65_536
_LINKS_MAX = 40
_DESCRIPTORS = re.compile(r"/proc/(\d+)(/task/\d+)?/fd")


@contextmanager
def output(
    name: str, option: str, *, inputs: Iterable[Path] = (), modified_ns: int | None = None
) -> Iterator[BinaryIO]:
    """Give a stream to what an option names; ``-`` is standard output, a new file is for its owner only.

    A new file takes the place of a regular one, durably, once the block has ended well; ``modified_ns`` becomes the
    time of its last change. Raises ``OutputError`` if nothing can be written there, or if it is or lies in one of
    ``inputs``, which the command reads.
    """
    name = expanded(name)
    with _telling(name, option):
        opened = _open(name, option, inputs)
    try:
        with cast(BinaryIO, _Stream(opened.descriptor, name, option)) as stream:
            yield stream
            stream.flush()
            with _telling(name, option):
                _replace(opened, modified_ns)
    finally:
        if opened.partial is not None:
            opened.partial.unlink(missing_ok=True)


class _Opened(NamedTuple):
    """A descriptor to write to; ``partial`` takes the place of ``target`` in the end, if there is one."""

    descriptor: int
    target: Path | None = None
    partial: Path | None = None


class _Stream(io.BufferedWriter):
    """Output to a descriptor whose errors are raised as ``OutputError``."""

    def __init__(self, descriptor: int, name: str, option: str) -> None:
        # Ctrl-C must not come between a write and the buffer that remembers it: see ``streams``.
        super().__init__(io.FileIO(descriptor, "wb"), _BUFFER_BYTES)
        self._telling = partial(_telling, name, option)

    def write(self, data: Any, /) -> int:
        """Take some bytes; return how many."""
        with self._telling():
            return super().write(data)

    def flush(self) -> None:
        """Write what was taken."""
        with self._telling():
            super().flush()


@contextmanager
def _telling(name: str, option: str) -> Iterator[None]:
    """Raise ``OutputError`` for an ``OSError``; a reader that goes away is not a failure."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise
        what = "standard output" if name == STANDARD_OUTPUT else name
        raise OutputError(f"cannot write to {what} ({error.strerror}): choose another place with {option}") from error


def _open(name: str, option: str, inputs: Iterable[Path]) -> _Opened:
    descriptor = _STDOUT_DESCRIPTOR if name == STANDARD_OUTPUT else _descriptor(Path(name))
    if descriptor is not None:
        return _Opened(os.dup(descriptor))
    target = Path(os.path.realpath(name))
    for read in inputs:
        if is_within(target, read):
            where = "among the data in" if read.is_dir() else "the same file as"
            raise OutputError(f"{name} is {where} {read}, which is read: choose another place with {option}")
    if not _is_regular(Path(name)):
        return _Opened(os.open(name, os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC))
    _remove_left_over(target)
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    descriptor = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    # The lock shows to others that this command is at work.
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return _Opened(descriptor, target, beside)


def _replace(opened: _Opened, modified_ns: int | None) -> None:
    if opened.target is None or opened.partial is None:
        return
    os.fsync(opened.descriptor)
    if modified_ns is not None:
        os.utime(opened.descriptor, ns=(modified_ns, modified_ns))
    opened.partial.replace(opened.target)
    sync_folder(opened.target.parent)


def _is_regular(path: Path) -> bool:
    """Tell whether a file is there that can be replaced, or none yet."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return True


def _descriptor(path: Path) -> int | None:
    """Return the open descriptor of this process that a path such as ``/dev/stdout`` stands for, or None.

    Opened again it would begin at its start if it is a file, and fail if it is a socket or another user's.
    """
    for _ in range(_LINKS_MAX):
        folder = os.path.realpath(path.parent)
        found = _DESCRIPTORS.fullmatch(folder)
        if found and int(found[1]) == os.getpid() and path.name.isdigit():
            return int(path.name)
        if not path.is_symlink():
            return None
        path = Path(folder, path.readlink())
    return None


def _remove_left_over(target: Path) -> None:
    """Remove what killed commands have left of the same file; one that is at work holds the lock of its own."""
    ours = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{8}}\.partial")
    with suppress(OSError):
        for path in filter(lambda path: ours.fullmatch(path.name), target.parent.iterdir()):
            _remove_unlocked(path)


def _remove_unlocked(path: Path) -> None:
    # It may be another user's, or gone already.
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
        finally:
            os.close(descriptor)
