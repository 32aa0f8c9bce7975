"""What the service and the process that closes windows tell each other, as one JSON document each way."""

import msgspec

from telemetry.published.windows import Period, PublicWindow


class Closing(msgspec.Struct, frozen=True):
    """A window to close: its segments as days with the id of the last event to count.

    ``generation`` is 1 the first time.
    """

    period: Period
    start: str
    segments: dict[str, int]
    generation: int = 1

    @property
    def window(self) -> PublicWindow:
        """The window."""
        return PublicWindow(self.period, self.start)


class Job(msgspec.Struct, frozen=True):
    """Windows to close with one publication, and how many installations a number counts at least."""

    closings: list[Closing]
    threshold: int


class Closed(msgspec.Struct, frozen=True):
    """A window that was closed: the SHA-256 of its public rows, and its ledger.

    The ledger says, by series, what became of the observations: ``named``, ``other``, ``withheld``, or set aside by
    ``first_day``, ``development``, ``unreadable`` or ``capped``. It leaves out ids that stand for no installation.
    It is empty if what is public was made before, and otherwise.
    """

    period: Period
    start: str
    generation: int
    digest: str = ""
    ledger: dict[str, dict[str, int]] = {}


class Damaged(msgspec.Struct, frozen=True):
    """A window that a damaged segment keeps from being closed."""

    period: Period
    start: str
    reason: str


class Report(msgspec.Struct, frozen=True):
    """What became of a job: windows were closed and published, or nothing was changed for a reason.

    ``damaged`` are windows that were not closed because a segment cannot be read, with the reason.
    """

    closed: list[Closed] | None = None
    damaged: list[Damaged] = []
    put_off: str | None = None
    failed: str | None = None
