"""The resend window: which events were accepted in the last days, for clients that send a queue again that late."""

import sys
from array import array
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass

# One bit of a byte marks each. All but the newest are full when the oldest is dropped.
_GENERATIONS = 8
# So many fit into a few lines of the processor's caches, and are searched in a third of a microsecond.
_BUCKET_EVENTS = 128
# A quarter of the marks is set when the window is full: the digests themselves are looked at for one new event in four.
_MARKS_PER_EVENT = 4
_CLEARED_AT_ONCE = 65_536
_DIGEST_BYTES = 8


@dataclass(slots=True)
class _Generation:
    """Events that leave together, in buckets by the last bits of their digests, and what puts them there."""

    bit: int
    buckets: list["array[int]"]
    puts: list[Callable[[int], None]]
    events: int = 0
    newest_at: float = float("-inf")


class ResendWindow:
    """Remembers at least the last ``events_max`` events of the last ``seconds``; 0 of either, and it remembers nothing.

    An event costs about 16 bytes, 8 of them for its digest and 4 to know most new events without looking at any digest.
    Two digests of 64 bits are the same by chance for one of 10^13 new events while two million are remembered. Events
    leave a generation at a time, so up to a seventh more of them are held, and for longer if few come. Times are
    seconds of a clock that never jumps.
    """

    def __init__(self, *, seconds: float, events_max: int) -> None:
        is_on = bool(seconds and events_max)
        self.seconds = seconds if is_on else 0.0
        self.events_max = events_max if is_on else 0
        self._generation_events = -(-self.events_max // (_GENERATIONS - 1))
        self._buckets = _power_of_two(self._generation_events // _BUCKET_EVENTS)
        self._generations: deque[_Generation] = deque()
        # For the last bits of a digest, the generations that hold a digest with the same ones.
        self._marks = bytearray(_power_of_two(self.events_max * _MARKS_PER_EVENT))

    def __len__(self) -> int:
        return sum(generation.events for generation in self._generations)

    def add(self, digests: Collection[int], accepted_at: float) -> None:
        """Take in events that are not in the window yet."""
        if not self.events_max:
            return
        generation = self._filling()
        generation.events += len(digests)
        generation.newest_at = max(generation.newest_at, accepted_at)
        puts, last_bucket, bit = generation.puts, self._buckets - 1, generation.bit
        marks, last_mark = self._marks, len(self._marks) - 1
        for digest in digests:
            puts[digest & last_bucket](digest)
            marks[digest & last_mark] |= bit

    def among(self, digests: Collection[int]) -> list[int]:
        """Return those of the digests that are in the window."""
        marks, last_mark = self._marks, len(self._marks) - 1
        return [digest for digest in digests if marks[digest & last_mark] and self._holds(digest)]

    def forget(self, now: float) -> None:
        """Drop the generations whose events have all left the window."""
        while self._generations and self._generations[0].newest_at < now - self.seconds:
            self._drop_oldest()

    def _holds(self, digest: int) -> bool:
        mark = self._marks[digest & len(self._marks) - 1]
        wanted, bucket = digest.to_bytes(_DIGEST_BYTES, sys.byteorder, signed=True), digest & self._buckets - 1
        for generation in self._generations:
            if generation.bit & mark and _is_in(generation.buckets[bucket].tobytes(), wanted):
                return True
        return False

    def _filling(self) -> _Generation:
        if not self._generations or self._generations[-1].events >= self._generation_events:
            if len(self._generations) == _GENERATIONS:
                self._drop_oldest()
            used = {generation.bit for generation in self._generations}
            bit = next(bit for bit in (1 << number for number in range(_GENERATIONS)) if bit not in used)
            buckets = [array("q") for _ in range(self._buckets)]
            self._generations.append(_Generation(bit, buckets, [bucket.append for bucket in buckets]))
        return self._generations[-1]

    def _drop_oldest(self) -> None:
        left = self._generations.popleft()
        without = bytes(mark & ~left.bit for mark in range(256))
        # In pieces, for a copy of all marks is as large as they are.
        for at in range(0, len(self._marks), _CLEARED_AT_ONCE):
            piece = slice(at, at + _CLEARED_AT_ONCE)
            self._marks[piece] = self._marks[piece].translate(without)


def _is_in(bucket: bytes, wanted: bytes) -> bool:
    at = bucket.find(wanted)
    # The bytes of two neighbours together may look like another digest.
    while at % _DIGEST_BYTES and at > 0:
        at = bucket.find(wanted, at + 1)
    return at >= 0


def _power_of_two(least: int) -> int:
    """Return the largest power of two that is not above ``least``, or 1."""
    return 1 << max(0, least.bit_length() - 1)
