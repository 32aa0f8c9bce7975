"""Large batches: what becomes of those with more events than a batch may have.

Deployed clients never split their queue and send it again whole. Refused each time, such a client would stay stuck for
ever; so a body that comes again is taken, unless it is above a second limit.
"""

import hmac
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from telemetry.errors import ErrorCode, Refusal, TooManyEvents
from telemetry.intake.ledger import LargeBatch, Ledger

logger = logging.getLogger(__name__)

AGAIN_WITHIN_S = 600.0
BODIES_MAX = 10_000
_DIGEST_BYTES = 16

Charge = Callable[[int], None]
"""Counts that many more requests of a client; raises ``Refusal`` if they are too many."""


def no_charge(_requests: int) -> None:
    """Charge nothing: where there is no rate limit."""


class RefusedBodies:
    """Remembers bodies for ten minutes after they came last, 10,000 at most, by a hash whose key ends with the process.

    A body costs about 250 bytes. Times are of a clock that never jumps.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        # In the order in which they came last.
        self._came_at: OrderedDict[bytes, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._came_at)

    def came_before(self, body: bytes, now: float) -> bool:
        """Remember a body; tell whether it was remembered already."""
        digest = hmac.digest(self._key, body, "sha256")[:_DIGEST_BYTES]
        known = self._came_at.pop(digest, None)
        self._came_at[digest] = now
        oldest = next(iter(self._came_at))
        while self._came_at[oldest] < now - AGAIN_WITHIN_S or len(self._came_at) > BODIES_MAX:
            del self._came_at[oldest]
            oldest = next(iter(self._came_at))
        return known is not None and known >= now - AGAIN_WITHIN_S


class LargeBatches:
    """Admits batches of up to ``events_max`` events when their body comes again; one of them at a time is at work."""

    def __init__(self, ledger: Ledger, monotonic: Callable[[], float], *, events_max: int) -> None:
        self._ledger = ledger
        self._monotonic = monotonic
        self._events_max = events_max
        self._refused = RefusedBodies()
        self._working = False

    @contextmanager
    def admitted(self, body: bytes, refusal: TooManyEvents, charge: Charge) -> Iterator[None]:
        """Let a batch that was refused be taken inside; raise ``Refusal`` if it has to stay refused.

        It costs as many requests as it has batches of the usual limit. The body stays known, also when it was taken:
        its client may have lost the answer.
        """
        self._check(body, refusal)
        if self._working:
            raise Refusal(ErrorCode.BUSY)
        # The request itself has been counted.
        charge((refusal.events - 1) // refusal.limit)
        self._working = True
        try:
            yield
        finally:
            self._working = False
        self._ledger.large_batches[LargeBatch.TAKEN] += 1

    def _check(self, body: bytes, refusal: TooManyEvents) -> None:
        if refusal.events > self._events_max:
            self._ledger.refuse_large(refusal.events)
            logger.warning(
                "a batch was refused, and its client stays stuck: raise batch_events_retry_max",
                extra={"events": refusal.events, "batch_events_retry_max": self._events_max},
            )
            raise refusal
        if not self._refused.came_before(body, self._monotonic()):
            self._ledger.large_batches[LargeBatch.DEFERRED] += 1
            logger.warning(
                "a batch above batch_events_max was refused; if its client sends it again, it is taken",
                extra={"events": refusal.events, "batch_events_max": refusal.limit},
            )
            raise refusal
