"""The duplicate window: which events were accepted a short while ago."""

from collections import deque
from collections.abc import Collection

# Each more is one more to look into. A third of the usual window fills the table of a set well; a half would not.
_GENERATIONS = 3


class DuplicateWindow:
    """Remembers the events accepted in the last ``seconds`` or, if those are more, about the last ``events_max``.

    It holds 64-bit digests and forgets them a group at a time, oldest first; a digest costs about 70 bytes. Times are
    seconds of a clock that never jumps.
    """

    def __init__(self, *, seconds: float, events_max: int) -> None:
        self.seconds = seconds
        self.events_max = events_max
        # What comes goes into the last of them and what leaves is in the first: a set that gains as much as it loses
        # is written anew again and again, all of it at once and beside the old one.
        self._generations: deque[set[int]] = deque([set()])
        self._generation_events_max = events_max // _GENERATIONS
        self._groups: deque[tuple[float, Collection[int]]] = deque()

    def __contains__(self, digest: int) -> bool:
        return any(digest in generation for generation in self._generations)

    def isdisjoint(self, digests: Collection[int]) -> bool:
        """Tell whether none of the digests is in the window."""
        return all(generation.isdisjoint(digests) for generation in self._generations)

    def __len__(self) -> int:
        return sum(map(len, self._generations))

    def remember(self, digests: Collection[int], accepted_at: float) -> None:
        """Take in a group of events that are not in the window yet; groups come in order."""
        if len(self._generations[-1]) > self._generation_events_max:
            self._generations.append(set())
        self._generations[-1].update(digests)
        self._groups.append((accepted_at, digests))
        self.forget(accepted_at)

    def forget(self, now: float) -> None:
        """Drop the groups that have left the window."""
        while self._groups and self._has_left(*self._groups[0], now):
            self._generations[0].difference_update(self._groups.popleft()[1])
            if not self._generations[0] and len(self._generations) > 1:
                self._generations.popleft()

    def _has_left(self, accepted_at: float, digests: Collection[int], now: float) -> bool:
        return accepted_at < now - self.seconds or len(self) - len(digests) >= self.events_max
