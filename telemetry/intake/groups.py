"""Groups: events that share one transaction, from their arrival until everybody who waits for them has been told."""

import logging
from collections import deque
from collections.abc import Callable, KeysView, Sequence
from dataclasses import dataclass, field

from telemetry.catalogue.events import AnyEvent
from telemetry.catalogue.rows import Row
from telemetry.counting.counters import Appended
from telemetry.errors import ErrorCode

logger = logging.getLogger(__name__)

# What is at work on a group finds it in the processor's caches; each of a thousand events carries little of a sync.
GROUP_EVENTS_MAX = 1_024


@dataclass(slots=True, eq=False)
class Group:
    """Events that share one transaction, and the requests that wait for it.

    When the transaction has ended, after ``seconds``, either ``appended`` or ``failure`` is set.
    """

    events: list[AnyEvent] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    digests: list[int] = field(default_factory=list)
    bytes: int = 0
    duplicates: int = 0
    seconds: float = 0.0
    appended: Appended | None = None
    failure: ErrorCode | None = None
    _settled: bool = False
    _waiting: list["OutcomeListener"] = field(default_factory=list)

    def when_settled(self, tell: "OutcomeListener") -> None:
        """Have ``tell`` called once: with None when the events are durable, or with why none of them is.

        It is called at once if that is known already.
        """
        if self._settled:
            tell(self.failure)
        else:
            self._waiting.append(tell)

    def settle(self) -> None:
        """Tell everybody who waits."""
        self._settled = True
        for tell in self._waiting:
            try:
                tell(self.failure)
            except Exception:
                # The others wait too.
                logger.exception("a client could not be told what became of its events")


OutcomeListener = Callable[[ErrorCode | None], object]


def when_durable(groups: Sequence[Group], tell: OutcomeListener) -> None:
    """Have ``tell`` called once: with None when the events of all groups are durable, or with why some are not."""
    if not groups:
        tell(None)
    elif len(groups) == 1:
        # Nearly every batch is new, and in one group.
        groups[0].when_settled(tell)
    else:
        *others, group = groups
        group.when_settled(lambda code: tell(code) if code else when_durable(others, tell))


class GroupQueue:
    """The groups that wait to be taken, and those that were taken and have not left, with their events by digest.

    ``bytes`` are those of the bodies. It has no bound of its own: who puts something in checks that there is room.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._full: deque[Group] = deque()
        self._filling = Group()
        self._by_digest: dict[int, Group] = {}

    def __bool__(self) -> bool:
        """Tell whether a group can be taken."""
        return bool(self._full or self._filling.rows)

    def __len__(self) -> int:
        """Return how many events have not left."""
        return len(self._by_digest)

    @property
    def groups(self) -> set[Group]:
        """All that have events and have not left."""
        return set(self._by_digest.values())

    @property
    def digests(self) -> KeysView[int]:
        """Of all events that have not left."""
        return self._by_digest.keys()

    def find(self, digest: int) -> Group | None:
        """Return the group of an event."""
        return self._by_digest.get(digest)

    def put(self, events: list[AnyEvent], rows: list[Row], digests: list[int], body_bytes: int) -> Group:
        """Put events that came together into one group, and return it."""
        group = self._with_room(len(rows))
        group.events += events
        group.rows += rows
        group.digests += digests
        self.charge(group, body_bytes)
        self._by_digest.update(dict.fromkeys(digests, group))
        return group

    def charge(self, group: Group, body_bytes: int) -> None:
        """Count the bytes of a body that waits for a group until the group leaves."""
        group.bytes += body_bytes
        self.bytes += body_bytes

    def take(self) -> Group:
        """Return the group that came first; nothing is added to it any more."""
        if self._full:
            return self._full.popleft()
        group, self._filling = self._filling, Group()
        return group

    def leave(self, group: Group) -> None:
        """Forget a group that was taken."""
        for digest in group.digests:
            del self._by_digest[digest]
        self.bytes -= group.bytes

    def _with_room(self, events: int) -> Group:
        filled = len(self._filling.rows)
        if filled and filled + events > GROUP_EVENTS_MAX:
            self._full.append(self._filling)
            self._filling = Group()
        return self._filling
