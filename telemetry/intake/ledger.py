"""The ledger: how many requests were answered and events received, and what became of each."""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from telemetry.errors import ErrorCode, RejectionCode
from telemetry.histogram import Histogram


class LargeBatch(StrEnum):
    """What became of a batch above ``batch_events_max``."""

    DEFERRED = "deferred"
    TAKEN = "taken"
    REFUSED = "refused"


VERSIONS_MAX = 64


class Ledger:
    """Counts since the start. When nothing is on its way, received is the sum of the six outcomes.

    - *received*: the events of every batch that was decoded. A request refused whole before that (not JSON, too large,
      too many events, too fast) is counted among the refused requests and its events nowhere: nobody knows them.
    - *accepted*: stored, so that as many rows are in the log; also when the client had left before its answer.
    - *rejected*: invalid, by reason.
    - *duplicate*: stored already, or stored meanwhile by the group that was appending the same event.
    - *shed*: valid, refused with 503. A duplicate of an event whose append then fails is shed with it. Of a batch for
      which there was no room all valid events are shed, whether the log knows some of them or not. While the clock
      seems wrong, events that are out of the window of time are shed too.
    - *excluded*: valid, acknowledged and dropped, because the operator has excluded the installation.
    - *opted_out*: valid, acknowledged and dropped, because the request asked not to be tracked.
    """

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self.refused: Counter[ErrorCode] = Counter()
        self.received = 0
        self.accepted = 0
        self.duplicate = 0
        self.shed = 0
        self.excluded = 0
        self.opted_out = 0
        self.rejected: Counter[RejectionCode] = Counter()
        self.large_batches: Counter[LargeBatch] = Counter()
        self._rejected_versions: Counter[tuple[RejectionCode, str]] = Counter()
        self._largest_refused = 0
        self.commit_seconds = Histogram(
            0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5
        )  # fmt: skip
        self.group_events = Histogram(1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)

    @property
    def unsettled(self) -> int:
        """Events that were received and wait for what becomes of them."""
        dropped = self.duplicate + self.shed + self.excluded + self.opted_out
        return self.received - self.accepted - self.rejected.total() - dropped

    def answer(self, path: str, status: int, code: ErrorCode | None) -> None:
        """Count an answered request; ``path`` is one of the served ones, never what a stranger chose."""
        self.requests[path, status] += 1
        if code is not None:
            self.refused[code] += 1

    def receive(self, valid: int, rejected: Iterable[RejectionCode]) -> None:
        """Count the events of a decoded batch; the valid ones wait to be settled."""
        self.received += valid
        for code in rejected:
            self.received += 1
            self.rejected[code] += 1

    def note_versions(self, rejected: Iterable[tuple[RejectionCode, str]]) -> None:
        """Remember the versions of rejected events, ``""`` for none, until they are taken; some 60 at most."""
        versions = self._rejected_versions
        for code, version in rejected:
            known = (code, version) in versions or len(versions) < VERSIONS_MAX
            versions[code, version if known else ""] += 1

    def take_rejected_versions(self) -> Counter[tuple[RejectionCode, str]]:
        """Return how many events were rejected since the last time, by reason and version."""
        taken, self._rejected_versions = self._rejected_versions, Counter()
        return taken

    def refuse_large(self, events: int) -> None:
        """Count a batch that is refused for good."""
        self.large_batches[LargeBatch.REFUSED] += 1
        self._largest_refused = max(self._largest_refused, events)

    def take_largest_refused(self) -> int:
        """Return how many events the largest batch had that was refused for good since the last time."""
        taken, self._largest_refused = self._largest_refused, 0
        return taken

    def commit(self, events: int, duplicates: int, seconds: float) -> None:
        """Settle the events of a group that was stored, and the duplicates that shared their fate."""
        self.accepted += events
        self.duplicate += duplicates
        self.commit_seconds.observe(seconds)
        self.group_events.observe(events)
