"""The duplicate window: which events were accepted a short while ago."""

from collections import deque
from collections.abc import Collection


class DuplicateWindow:
    """Remembers the events accepted in the last ``seconds`` or, if those are more, about the last ``events_max``.

    It holds 64-bit digests and forgets them a group at a time, oldest first; a digest costs about 80 bytes. Times are
    seconds of a clock that never jumps.
    """

    def __init__(self, *, seconds: float, events_max: int) -> None:
        self.seconds = seconds
        self.events_max = events_max
        self._digests: set[int] = set()
        self._groups: deque[tuple[float, Collection[int]]] = deque()

    def __contains__(self, digest: int) -> bool:
        return digest in self._digests

    def isdisjoint(self, digests: Collection[int]) -> bool:
        """Tell whether none of the digests is in the window."""
        return self._digests.isdisjoint(digests)

    def __len__(self) -> int:
        return len(self._digests)

    def remember(self, digests: Collection[int], accepted_at: float) -> None:
        """Take in a group of events that are not in the window yet; groups come in order."""
        self._digests.update(digests)
        self._groups.append((accepted_at, digests))
        self.forget(accepted_at)

    def forget(self, now: float) -> None:
        """Drop the groups that have left the window."""
        while self._groups and self._has_left(*self._groups[0], now):
            self._digests.difference_update(self._groups.popleft()[1])

    def _has_left(self, accepted_at: float, digests: Collection[int], now: float) -> bool:
        return accepted_at < now - self.seconds or len(self._digests) - len(digests) >= self.events_max
