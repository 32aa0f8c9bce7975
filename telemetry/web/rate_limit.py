"""The rate limit: how many requests a client may send, and what has to be remembered of it for that."""

import secrets
from collections import OrderedDict
from hashlib import blake2b

_SECONDS_PER_MINUTE = 60.0
# A client that is charged has sent two requests just before, and both count.
_CHARGED_PART_OF_BURST = 3


class RateLimiter:
    """Admits ``requests_per_minute`` of each client in the long run, and ``burst`` at once (a token bucket, as GCRA).

    A client is known by a hash whose salt ends with the process; once its whole burst is free again, later requests
    remove it. Of more than ``clients_max`` the one admitted longest ago is forgotten, which can only let it send more:
    a flood from many addresses costs bounded memory and locks nobody out. Times are of a clock that never jumps.
    """

    def __init__(self, *, requests_per_minute: int, burst: int, clients_max: int) -> None:
        self.refused = 0
        self._interval_s = _SECONDS_PER_MINUTE / requests_per_minute
        self._ahead_max_s = self._interval_s * (burst - 1)
        self._charged_at_once_max = burst // _CHARGED_PART_OF_BURST
        # Nobody is refused for a rounding error.
        self._slack_s = self._interval_s / 1_000
        self._clients_max = clients_max
        self._salt = secrets.token_bytes(16)
        # When the burst of each client will be free again, in the order of their last admissions.
        self._free_at: OrderedDict[bytes, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._free_at)

    def wait_s(self, client: bytes, now: float) -> float:
        """Admit a request and return 0, or return the seconds until one would be admitted."""
        return self._admit(client, now, requests=1, free=1)

    def charge_s(self, client: bytes, requests: int, now: float) -> float:
        """Count that many more requests and return 0, or return the seconds until they would be admitted.

        They have to be free, but never more of them than a third of the burst: a large request gets in however small
        the burst is. What was not free is owed, and later requests wait for it.
        """
        return self._admit(client, now, requests=requests, free=min(requests, self._charged_at_once_max))

    def owe(self, client: bytes, requests: int, now: float) -> None:
        """Count that many more requests for one that was admitted: later ones wait for them."""
        key = self._key(client)
        self._enter(key, max(self._free_at.get(key, now), now), requests, now)

    @property
    def spare(self) -> int:
        """How many more requests a client may owe and still come again twice at once, and be charged the second time.

        That is none with a burst below six.
        """
        return max(0, self._charged_at_once_max - 1)

    def _admit(self, client: bytes, now: float, *, requests: int, free: int) -> float:
        key = self._key(client)
        free_at = max(self._free_at.get(key, now), now)
        if (wait_s := free_at + self._interval_s * (free - 1) - now - self._ahead_max_s) > self._slack_s:
            self.refused += 1
            return wait_s
        self._enter(key, free_at, requests, now)
        return 0.0

    def _key(self, client: bytes) -> bytes:
        return blake2b(client, key=self._salt, digest_size=8).digest()

    def _enter(self, key: bytes, free_at: float, requests: int, now: float) -> None:
        self._free_at[key] = free_at + self._interval_s * requests
        self._free_at.move_to_end(key)
        self._forget(now)

    def _forget(self, now: float) -> None:
        # Two for each that may have come: the work of a moment is bounded, and what is idle shrinks all the same.
        for _ in range(2):
            oldest = next(iter(self._free_at))
            if self._free_at[oldest] > now and len(self._free_at) <= self._clients_max:
                break
            del self._free_at[oldest]
