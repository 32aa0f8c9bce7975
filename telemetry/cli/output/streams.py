"""Standard output and standard error, wherever they lead: closed, full, or to a terminal that knows few characters."""

import codecs
import io
import os
import sys
from contextlib import suppress
from typing import Any

STANDARD_OUTPUT_NAME = "standard output"
_ERRORS_NAME = "standard error"
_SHOWN = "telemetry.shown"


def prepare() -> None:
    """Have ``print`` and its like fail only when standard output cannot be written, with an error that names it.

    Characters that a stream does not have are written as escapes, and names of files as the bytes that they are. What
    standard error does not take is lost.
    """
    codecs.register_error(_SHOWN, _show)
    streams = (sys.stdin, sys.stdout, sys.stderr)
    # In ascending order: the number of a closed stream would else be that of the next file that is opened.
    _, output, errors = (_descriptor(stream, number) for number, stream in enumerate(streams))
    sys.stdout = _text(_Output(output, STANDARD_OUTPUT_NAME), sys.stdout)
    sys.stderr = _text(_Errors(errors, _ERRORS_NAME), sys.stderr)


def shows(text: str) -> bool:
    """Tell whether standard output has all characters of a text."""
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return False
    return True


def is_plain_terminal() -> bool:
    """Tell whether a terminal knows no more than lines of text."""
    return os.environ.get("TERM") == "dumb"


class _Output(io.FileIO):
    """A descriptor that says which stream it is when it cannot be written; what comes after that is lost."""

    def __init__(self, descriptor: int, name: str) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self._stream_name = name
        self._failed = False

    def write(self, data: Any, /) -> int | None:  # type: ignore[override]
        """Write some bytes; return how many."""
        if self._failed:
            return len(data)
        try:
            return super().write(data)
        except OSError as error:
            # Python would ask for what is left again at its end.
            self._failed = True
            raise OSError(error.errno, error.strerror, self._stream_name) from error


class _Errors(_Output):
    """A descriptor for what can as well be lost."""

    def write(self, data: Any, /) -> int | None:  # type: ignore[override]
        """Write some bytes, or lose them; return how many."""
        with suppress(OSError):
            return super().write(data)
        return len(data)


def _descriptor(stream: object, number: int) -> int:
    """Return where a standard stream is written; one that was closed gets a descriptor that refuses to be used."""
    if stream is not None:
        return number
    return os.open(os.devnull, os.O_RDONLY if number else os.O_WRONLY)


def _text(raw: _Output, former: Any) -> io.TextIOWrapper:
    encoding = former.encoding if former is not None else "utf-8"
    with suppress(AttributeError, OSError):
        former.flush()
    is_terminal = raw.isatty()
    is_unbuffered = bool(former is not None and former.write_through)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=encoding,
        errors=_SHOWN,
        line_buffering=is_terminal or isinstance(raw, _Errors),
        write_through=is_unbuffered,
    )


def _show(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return what stands for characters that cannot be encoded."""
    if isinstance(error, UnicodeEncodeError):
        with suppress(UnicodeEncodeError):
            # The bytes of a name of a file that are not UTF-8.
            return error.object[error.start : error.end].encode("ascii", "surrogateescape"), error.end
    return codecs.backslashreplace_errors(error)
