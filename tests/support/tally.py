"""What a test of a fault case found: how often it tried, what was acknowledged, and what of that was lost."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Tally:
    """Numbers of one test. ``double_counted`` are events stored twice and counters that differ from a recount."""

    tries: int = 0
    acknowledged: int = 0
    lost: int = 0
    double_counted: int = 0

    def add(self, *, tries: int = 0, acknowledged: int = 0, lost: int = 0, double_counted: int = 0) -> None:
        """Add what was found since the last time."""
        self.tries += tries
        self.acknowledged += acknowledged
        self.lost += lost
        self.double_counted += double_counted
        _listeners[-1](self)

    def put_together(self, other: "Tally") -> "Tally":
        """Return the sums of two tallies."""
        return Tally(
            self.tries + other.tries,
            self.acknowledged + other.acknowledged,
            self.lost + other.lost,
            self.double_counted + other.double_counted,
        )


_current = [Tally()]
_listeners: list[Callable[[Tally], None]] = [lambda _tally: None]


def current() -> Tally:
    """Return the tally of the test that runs; ledgers and the oracle add to it by themselves."""
    return _current[-1]


@contextmanager
def tallying(on_change: Callable[[Tally], None]) -> Iterator[Tally]:
    """Have a new tally until the end of the block, told of whenever it changes."""
    _current.append(Tally())
    _listeners.append(on_change)
    try:
        yield _current[-1]
    finally:
        _current.pop()
        _listeners.pop()
