"""Standard output and standard error that may be closed, full, or a terminal with few characters."""

import codecs
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

STANDARD_OUTPUT_NAME = "standard output"
_ERRORS_NAME = "standard error"
_SHOWN = "telemetry.shown"


def prepare() -> None:
    """Have printing fail only if standard output cannot be written, with an error that names the stream.

    Characters that a stream cannot encode are written as escapes, and file names that are not UTF-8 as their bytes.
    Output that standard error does not take is lost.
    """
    codecs.register_error(_SHOWN, _show)
    streams = (sys.stdin, sys.stdout, sys.stderr)
    # In ascending order: a new file gets the lowest free number, which is that of the first closed stream.
    _, output, errors = (_descriptor(stream, number) for number, stream in enumerate(streams))
    sys.stdout = _text(_Output(output, STANDARD_OUTPUT_NAME), sys.stdout)
    sys.stderr = _text(_Errors(errors, _ERRORS_NAME), sys.stderr)


def shows(text: str) -> bool:
    """Tell whether standard output can encode all characters of a text."""
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return False
    return True


def is_plain_terminal() -> bool:
    """Tell whether the terminal can only write lines of text."""
    return os.environ.get("TERM") == "dumb"


class _Output(io.BufferedWriter):
    """Output to a descriptor whose errors name its stream; output after the first error is lost.

    The descriptor is written to by ``io.FileIO`` itself. Were that overridden in Python, Ctrl-C could come after bytes
    were written and before the buffer knows it, which then writes them again.
    """

    def __init__(self, descriptor: int, name: str) -> None:
        super().__init__(io.FileIO(descriptor, "wb", closefd=False))
        self._stream_name = name
        self._failed = False

    def write(self, data: Any, /) -> int:
        """Take some bytes; return how many."""
        if not self._failed:
            with self._naming():
                return super().write(data)
        return len(data)

    def flush(self) -> None:
        """Write what was taken."""
        if not self._failed:
            with self._naming():
                super().flush()

    @contextmanager
    def _naming(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            # Python flushes what is left at its end: do not fail twice.
            self._failed = True
            raise OSError(error.errno, error.strerror, self._stream_name) from error


class _Errors(_Output):
    """A descriptor for output that may be lost."""

    def write(self, data: Any, /) -> int:
        """Take some bytes, or lose them; return how many."""
        with suppress(OSError):
            return super().write(data)
        return len(data)

    def flush(self) -> None:
        """Write what was taken, or lose it."""
        with suppress(OSError):
            super().flush()


def _descriptor(stream: object, number: int) -> int:
    """Return the descriptor of a standard stream; a closed stream gets one that refuses reads or writes."""
    if stream is not None:
        return number
    return os.open(os.devnull, os.O_RDONLY if number else os.O_WRONLY)


def _text(output: _Output, former: Any) -> io.TextIOWrapper:
    encoding = former.encoding if former is not None else "utf-8"
    with suppress(AttributeError, OSError):
        former.flush()
    is_terminal = output.isatty()
    is_unbuffered = bool(former is not None and former.write_through)
    return io.TextIOWrapper(
        output,
        encoding=encoding,
        errors=_SHOWN,
        line_buffering=is_terminal or isinstance(output, _Errors),
        write_through=is_unbuffered,
    )


def _show(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return the replacement for characters that cannot be encoded."""
    if isinstance(error, UnicodeEncodeError):
        with suppress(UnicodeEncodeError):
            # Bytes of a file name that are not UTF-8.
            return error.object[error.start : error.end].encode("ascii", "surrogateescape"), error.end
    return codecs.backslashreplace_errors(error)
