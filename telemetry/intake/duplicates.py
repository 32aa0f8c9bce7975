"""The duplicate window: which events were accepted a short while ago, and behind it the resend window."""

from collections import deque
from collections.abc import Callable, Collection, Sequence

from telemetry.intake.resends import ResendWindow

# Each generation costs one more lookup. A third of the default window fills a set's hash table well; a half does not.
_GENERATIONS = 3
# What leaves because of its age leaves about so many events at a time: after a quiet while, all of it at once would
# take some hundred milliseconds.
_AGED_EVENTS_AT_ONCE = 8_192
# A client may be ahead of us by this much, and its events are still looked for among those that have left.
CLOCK_SKEW_S = 60.0


class DuplicateWindow:
    """Remembers the events accepted in the last ``seconds`` or, if those are more, about the last ``events_max``.

    It holds 64-bit digests and lets them go a group at a time, oldest first; a digest costs about 70 bytes. The resend
    window ``older`` holds them too, from the start and for longer. Times are seconds of a clock that never jumps.
    """

    def __init__(self, *, seconds: float, events_max: int, older: ResendWindow) -> None:
        self.seconds = seconds
        self.events_max = events_max
        self.older = older
        # What comes goes into the last of them and what leaves is in the first: a set that gains as much as it loses
        # is written anew again and again, all of it at once and beside the old one.
        self._generations: deque[set[int]] = deque([set()])
        self._generation_events_max = events_max // _GENERATIONS
        self._groups: deque[tuple[float, Collection[int]]] = deque()
        # Whatever was accepted after this time is here.
        self._complete_since = float("-inf")

    def __contains__(self, digest: int) -> bool:
        return any(digest in generation for generation in self._generations)

    def isdisjoint(self, digests: Collection[int]) -> bool:
        """Tell whether none of the digests is in the window."""
        return all(generation.isdisjoint(digests) for generation in self._generations)

    def __len__(self) -> int:
        return sum(map(len, self._generations))

    def known(
        self, digests: Sequence[int], installations: Callable[[], Sequence[str]], occurred_from: float
    ) -> set[int]:
        """Return those of the digests that are remembered, here or in the resend window.

        None of the events occurred before ``occurred_from``, so none was accepted before either. If everything is
        still in this window that was accepted since, the other one is not looked into, and nobody asks for the
        installations of the events.
        """
        found = set() if self.isdisjoint(digests) else {digest for digest in digests if digest in self}
        if occurred_from <= self._complete_since + CLOCK_SKEW_S:
            found |= self.older.among(digests, installations())
        return found

    def remember(self, digests: Sequence[int], installations: Sequence[str], accepted_at: float) -> None:
        """Take in a group of events that are not in the window yet, with their installations; groups come in order."""
        self.older.add(digests, installations, accepted_at)
        if len(self._generations[-1]) > self._generation_events_max:
            self._generations.append(set())
        self._generations[-1].update(digests)
        self._groups.append((accepted_at, digests))
        self.forget(accepted_at)

    def recover(self, digests: Sequence[int], installations: Sequence[str], accepted_at: float, now: float) -> None:
        """Take in a group that was accepted before a start; it may have left the window since."""
        if accepted_at < now - self.seconds and not self._groups:
            self.older.add(digests, installations, accepted_at)
            self._complete_since = max(self._complete_since, accepted_at)
        else:
            self.remember(digests, installations, accepted_at)

    def forget(self, now: float) -> None:
        """Let groups go that have left the window; those that are too old, some thousand events at a time."""
        aged, held, oldest = 0, len(self), now - self.seconds
        while self._groups:
            accepted_at, digests = self._groups[0]
            is_aged = accepted_at < oldest and aged < _AGED_EVENTS_AT_ONCE
            if not is_aged and held - len(digests) < self.events_max:
                break
            self._groups.popleft()
            aged += len(digests)
            held -= len(digests)
            self._let_go(digests, accepted_at)
        self._complete_since = max(self._complete_since, oldest)
        self.older.forget(now)

    def _let_go(self, digests: Collection[int], accepted_at: float) -> None:
        self._generations[0].difference_update(digests)
        if not self._generations[0] and len(self._generations) > 1:
            self._generations.popleft()
        self._complete_since = max(self._complete_since, accepted_at)
