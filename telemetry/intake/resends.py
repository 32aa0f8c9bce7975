"""The resend window: which events were accepted in the last days, for clients that send a queue again that late.

A client's events come together and come again together, so they are kept together: the digests of one installation's
events are in one bucket, written and read as a whole.
"""

import sys
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

# All but the newest are full when the oldest is dropped.
_GENERATIONS = 4
# About so many events of a full generation share a bucket.
_BUCKET_EVENTS = 40
# Further events of the installations that share a bucket go where their own digests say, so that one installation with
# very many events does not make a bucket that takes long to search.
_BUCKET_EVENTS_MAX = 256
# So few events are searched for one by one, which costs less than making an integer of each digest in a bucket.
_FEW_EVENTS = 4
_DIGEST_BYTES = 8


@dataclass(slots=True)
class _Generation:
    """Events that leave together."""

    buckets: list["array[int]"]
    events: int = field(default=0)
    newest_at: float = field(default=float("-inf"))

    def put(self, home: int, digests: Sequence[int]) -> None:
        """Keep events of one installation, whose bucket is its ``home``."""
        bucket = self.buckets[home]
        room = max(0, _BUCKET_EVENTS_MAX - len(bucket))
        if room >= len(digests):
            bucket.extend(digests)
            return
        bucket.extend(digests[:room])
        for digest in digests[room:]:
            self.moved_to(digest).append(digest)

    def find(self, home: int, digests: set[int]) -> set[int]:
        """Return those of the digests that ``put`` has kept for the same home."""
        bucket = self.buckets[home]
        found = digests.intersection(bucket)
        if len(bucket) >= _BUCKET_EVENTS_MAX:
            found.update(digest for digest in digests if digest in self.moved_to(digest))
        return found

    def moved_to(self, digest: int) -> "array[int]":
        """Return the bucket of a digest for which there was no room at home."""
        return self.buckets[digest & len(self.buckets) - 1]


class ResendWindow:
    """Remembers at least the last ``events_max`` events of the last ``seconds``; 0 of either, and it remembers nothing.

    An event costs about 15 bytes, 8 of them for its digest. Two digests of 64 bits are the same by chance for one of
    10^13 new events while two million are remembered. Events leave a generation at a time, so up to a third more of
    them are held, and for longer if few come. Times are seconds of a clock that never jumps.
    """

    def __init__(self, *, seconds: float, events_max: int) -> None:
        is_on = bool(seconds and events_max)
        self.seconds = seconds if is_on else 0.0
        self.events_max = events_max if is_on else 0
        self._generation_events = -(-self.events_max // (_GENERATIONS - 1))
        self._buckets = _power_of_two(self._generation_events // _BUCKET_EVENTS)
        self._generations: deque[_Generation] = deque()

    def __len__(self) -> int:
        return sum(generation.events for generation in self._generations)

    def add(self, digests: Sequence[int], installations: Sequence[str], accepted_at: float) -> None:
        """Take in events that are not in the window yet, each with its installation."""
        if not self.events_max:
            return
        generation = self._filling()
        generation.events += len(digests)
        generation.newest_at = max(generation.newest_at, accepted_at)
        for home, together in self._by_home(digests, installations):
            generation.put(home, together)

    def among(self, digests: Sequence[int], installations: Sequence[str]) -> set[int]:
        """Return those of the digests that are in the window; the installations are those of their events."""
        if len(digests) == 1:
            # Half of what the general way takes, and most small requests carry one event.
            return set(digests) if self._holds(self._home(installations[0]), digests[0]) else set()
        found: set[int] = set()
        for home, together in self._by_home(digests, installations):
            if len(together) <= _FEW_EVENTS:
                found.update(digest for digest in together if self._holds(home, digest))
            else:
                wanted = set(together)
                for generation in self._generations:
                    found |= generation.find(home, wanted)
        return found

    def forget(self, now: float) -> None:
        """Drop the generations whose events have all left the window."""
        while self._generations and self._generations[0].newest_at < now - self.seconds:
            self._generations.popleft()

    def _holds(self, home: int, digest: int) -> bool:
        as_bytes = digest.to_bytes(_DIGEST_BYTES, sys.byteorder, signed=True)
        for generation in self._generations:
            if (bucket := generation.buckets[home]) and _is_in(bucket.tobytes(), as_bytes):
                return True
            if len(bucket) >= _BUCKET_EVENTS_MAX and _is_in(generation.moved_to(digest).tobytes(), as_bytes):
                return True
        return False

    def _by_home(self, digests: Sequence[int], installations: Sequence[str]) -> Iterator[tuple[int, Sequence[int]]]:
        # Nearly every batch is of one installation.
        if installations and installations.count(installations[0]) == len(installations):
            yield self._home(installations[0]), digests
            return
        first = 0
        for installation, run in groupby(installations):
            end = first + len(list(run))
            yield self._home(installation), digests[first:end]
            first = end

    def _home(self, installation: str) -> int:
        """Return the bucket of an installation."""
        return hash(installation) & self._buckets - 1

    def _filling(self) -> _Generation:
        if not self._generations or self._generations[-1].events >= self._generation_events:
            if len(self._generations) == _GENERATIONS:
                self._generations.popleft()
            self._generations.append(_Generation([array("q") for _ in range(self._buckets)]))
        return self._generations[-1]


def _is_in(bucket: bytes, wanted: bytes) -> bool:
    at = bucket.find(wanted)
    # The bytes of two neighbours together may look like another digest.
    while at % _DIGEST_BYTES and at > 0:
        at = bucket.find(wanted, at + 1)
    return at >= 0


def _power_of_two(least: int) -> int:
    """Return the largest power of two that is not above ``least``, or 1."""
    return 1 << max(0, least.bit_length() - 1)
