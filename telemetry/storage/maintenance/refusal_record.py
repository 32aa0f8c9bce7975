"""The record of refusals: what was rejected and refused in the last day, by hour, kept in a small file.

It holds numbers and codes only. It is written beside the service's databases and read by ``telemetry check``.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from telemetry.clock import column_time
from telemetry.operator_errors import DamagedError

# Of the events received. A public service always gets some that are not meant seriously.
REJECTED_SHARE_MAX = 0.01
HOURS_KEPT = 24
_HOUR_S = 3_600


class Refusals(msgspec.Struct, omit_defaults=True):
    """How many events were received and rejected, and how many requests were refused for their size.

    ``deferred`` batches had more than ``batch_events_max`` events and wait to be sent again. ``refused`` ones had more
    than ``batch_events_retry_max``; the largest of them had ``largest_events``.
    """

    received: int = 0
    rejected: dict[str, int] = msgspec.field(default_factory=dict)
    deferred: int = 0
    refused: int = 0
    largest_events: int = 0
    too_large: int = 0

    def __bool__(self) -> bool:
        """Tell whether anything was rejected or refused."""
        return bool(self.rejected or self.deferred or self.refused or self.too_large)

    @property
    def reject_too_many(self) -> bool:
        """Whether so many events were rejected that a client may be at fault."""
        return sum(self.rejected.values()) > REJECTED_SHARE_MAX * self.received

    def add(self, other: "Refusals") -> None:
        """Add what happened at another time."""
        self.received += other.received
        self.deferred += other.deferred
        self.refused += other.refused
        self.too_large += other.too_large
        self.largest_events = max(self.largest_events, other.largest_events)
        for code, events in other.rejected.items():
            self.rejected[code] = self.rejected.get(code, 0) + events


class RefusalRecord:
    """The refusals of the hour that goes on and the 24 before."""

    def __init__(self, hours: Mapping[str, Refusals] | None = None) -> None:
        self._hours = dict(hours or {})

    @classmethod
    def read(cls, path: Path) -> "RefusalRecord":
        """Return what a file holds, nothing if it does not exist; raise ``DamagedError`` if it is no record."""
        try:
            return cls(msgspec.json.decode(path.read_bytes(), type=dict[str, Refusals]))
        except FileNotFoundError:
            return cls()
        except (msgspec.DecodeError, UnicodeDecodeError, OSError) as error:
            sentence = "is not a record of refusals: remove it, the service makes a new one"
            raise DamagedError(f"{path} {sentence}") from error

    def write(self, path: Path) -> None:
        """Replace the file; a crash leaves the old one or the new one."""
        unfinished = path.with_name(f"{path.name}.new")
        unfinished.write_bytes(msgspec.json.encode(self._hours))
        unfinished.replace(path)

    def add(self, refusals: Refusals, now: float) -> None:
        """Add what has happened just now, and drop what is older than a day or, by a clock that was ahead, to come."""
        self._hours.setdefault(_hour(now), Refusals()).add(refusals)
        self._hours = {hour: of_hour for hour, of_hour in self._hours.items() if _is_of_last_day(hour, now)}

    def last_day(self, now: float) -> Refusals:
        """Return the sum of the last day."""
        total = Refusals()
        for hour, refusals in self._hours.items():
            if _is_of_last_day(hour, now):
                total.add(refusals)
        return total


def _hour(seconds: float) -> str:
    return column_time(seconds)[:13]


def _is_of_last_day(hour: str, now: float) -> bool:
    return _hour(now - HOURS_KEPT * _HOUR_S) <= hour <= _hour(now)
