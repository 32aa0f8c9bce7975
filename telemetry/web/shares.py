"""Fair shares: what all connections may hold together, and whose connection goes when that is too much.

There is no quota for a client. When something runs out, the client network that has most of it loses a connection, and
so on. One network alone may have everything until another one needs some. Bytes weigh by how long they are held, each
from its own arrival: a client that sends a megabyte at once takes less from others than one that holds some kilobytes
for ten seconds. What a client of modest speed would hold counts little, because the service may be slow to read it.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Protocol

# To evict some at a time makes the search for them cheap, however fast new ones come.
_CONNECTIONS_AT_ONCE = 128
_BYTES_AT_ONCE = 8
# What was received in the same moment is weighed by its size alone.
_SECONDS_MIN = 0.001
# A client this fast is not slow, and what it holds meanwhile counts for a twentieth: some, so that among many fast ones
# those go that hold most.
_FAST_BYTES_PER_S = 250_000
_FAST_PART = 20


class Holder(Protocol):
    """A connection, as far as shares are concerned."""

    def is_at_work(self) -> bool:
        """Tell whether it waits for the service, and not for its client."""
        ...

    def evict(self) -> None:
        """Let go of what it holds, soon."""
        ...


@dataclass(slots=True, eq=False)
class ConnectionShare:
    """What one connection of a network holds: itself, and bytes that wait for its client.

    ``since`` is when its client had its last answer, or began to send what is not complete; before its first answer it
    is not ``known``. ``byte_seconds`` sums up for how long the bytes were held until they last ``changed_at``.
    """

    holder: Holder
    network: Hashable
    since: float
    bytes: int = 0
    known: bool = False
    evicted: bool = False
    byte_seconds: float = 0.0
    changed_at: float = 0.0

    def served(self, now: float) -> None:
        """Note that the client has had an answer."""
        self.since, self.known = now, True

    def hold(self, held: int, now: float) -> None:
        """Note how many bytes wait for the client now."""
        if self.bytes:
            self.byte_seconds += self.bytes * (now - self.changed_at)
        elif held:
            self.since, self.byte_seconds = now, 0.0
        self.bytes, self.changed_at = held, now

    def weight(self, now: float) -> float:
        """Return what the bytes take from others, in byte seconds; what a fast client would take counts little."""
        taken = self.byte_seconds + self.bytes * (now - self.changed_at + _SECONDS_MIN)
        if_fast = min(taken, self.bytes * self.bytes / (2 * _FAST_BYTES_PER_S))
        return taken - if_fast + if_fast / _FAST_PART


class Shares:
    """The shares of all connections: at most ``connections_max``, which hold at most ``bytes_max`` together."""

    def __init__(self, *, connections_max: int, bytes_max: int, monotonic: Callable[[], float]) -> None:
        self.bytes = 0
        self.evicted = 0
        self.connections_max = connections_max
        self._bytes_max = bytes_max
        self._monotonic = monotonic
        self._shares: set[ConnectionShare] = set()

    def __len__(self) -> int:
        """Return how many connections there are."""
        return len(self._shares)

    def enter(self, holder: Holder, network: Hashable) -> ConnectionShare:
        """Return the share of a new connection."""
        share = ConnectionShare(holder, network, self._monotonic())
        self._shares.add(share)
        return share

    def leave(self, share: ConnectionShare) -> None:
        """Forget a connection."""
        self._shares.discard(share)
        self.bytes -= share.bytes
        share.bytes = 0

    def hold(self, share: ConnectionShare, held: int) -> None:
        """Note how many bytes a connection holds now; evict connections, perhaps this one, if all hold too many."""
        if share not in self._shares or share.evicted:
            return
        self.bytes += held - share.bytes
        share.hold(held, self._monotonic())
        if self.bytes > self._bytes_max:
            self._relieve()

    def has_room(self, accepted: int) -> bool:
        """Tell whether there is room for a connection besides those ``accepted`` and not entered; make some if not."""
        if len(self._shares) + accepted < self.connections_max:
            return True
        wanted = max(1, self.connections_max // _CONNECTIONS_AT_ONCE)
        idle = [share for share in self._shares if not share.evicted and not share.holder.is_at_work()]
        # Those that never asked for anything, and then those that have not for the longest time.
        idle.sort(key=lambda share: (not share.known, -share.since))
        gone = _heaviest(idle, wanted, weight=lambda _: 1, size=lambda _: 1)
        for share in gone:
            self.leave(share)
        self._evict(gone)
        return len(self._shares) + accepted < self.connections_max

    def _relieve(self) -> None:
        """Evict until there is some room again."""
        now = self._monotonic()

        def weight(share: ConnectionShare) -> float:
            return share.weight(now)

        holding = sorted((share for share in self._shares if share.bytes), key=weight)
        excess = self.bytes - self._bytes_max + self._bytes_max // _BYTES_AT_ONCE
        self._evict(_heaviest(holding, excess, weight=weight, size=lambda share: share.bytes))

    def _evict(self, shares: Iterable[ConnectionShare]) -> None:
        for share in shares:
            self.bytes -= share.bytes
            share.bytes, share.evicted = 0, True
            self.evicted += 1
            share.holder.evict()


def _heaviest(
    shares: list[ConnectionShare],
    wanted: int,
    *,
    weight: Callable[[ConnectionShare], float],
    size: Callable[[ConnectionShare], int],
) -> list[ConnectionShare]:
    """Return shares of the size that is wanted together: always the last one of the network that weighs most then."""
    networks: dict[Hashable, list[ConnectionShare]] = {}
    for share in reversed(shares):
        networks.setdefault(share.network, []).append(share)
    heap = [(-sum(map(weight, owned)), number, owned[::-1]) for number, owned in enumerate(networks.values())]
    heapify(heap)
    found: list[ConnectionShare] = []
    while wanted > 0 and heap:
        total, number, owned = heappop(heap)
        found.append(owned.pop())
        wanted -= size(found[-1])
        if owned:
            heappush(heap, (total + weight(found[-1]), number, owned))
    return found
