"""Progress in percent on standard error, only if that is a terminal that can rewrite a line."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from telemetry.cli.output.streams import is_plain_terminal

_INTERVAL_S = 0.1
_ALL = 100


@contextmanager
def progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show progress; the block calls the returned function with the amount done since the last call.

    ``total`` may be an estimate: 100 % is shown only at the end of the block.
    """
    if not sys.stderr.isatty() or is_plain_terminal():
        yield lambda _: None
        return
    line = _Line(label, max(1, total))
    line.advance(0)
    try:
        yield line.advance
        line.show(_ALL)
    finally:
        sys.stderr.write("\n")


class _Line:
    def __init__(self, label: str, total: int) -> None:
        self._label = label
        self._total = total
        self._done = 0
        self._shown_at = -_INTERVAL_S

    def advance(self, amount: int) -> None:
        self._done += amount
        now = time.monotonic()
        if now - self._shown_at >= _INTERVAL_S:
            self._shown_at = now
            self.show(min(self._done * _ALL // self._total, _ALL - 1))

    def show(self, percent: int) -> None:
        sys.stderr.write(f"\r{self._label}  {percent:3}%")
        sys.stderr.flush()
