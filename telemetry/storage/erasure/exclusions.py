"""The exclusions: installations whose events are acknowledged and dropped, known by the SHA-256 of their ids alone."""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256

# What has to be remembered for ever is bounded too.
EXCLUSIONS_MAX = 10_000
_REMEMBERED_MAX = 4_096


@lru_cache(maxsize=_REMEMBERED_MAX)
def hashed(installation_id: str) -> str:
    """Return what is kept of an id that is to be forgotten."""
    return sha256(installation_id.encode()).hexdigest()


class Exclusions:
    """A set of hashed ids; it is falsy while there are none, so that nobody's events have to be looked at."""

    def __init__(self) -> None:
        self._hashes: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def __contains__(self, hashed_id: str) -> bool:
        return hashed_id in self._hashes

    @property
    def full(self) -> bool:
        """Whether no more can be excluded."""
        return len(self._hashes) >= EXCLUSIONS_MAX

    def replace(self, hashes: Iterable[str]) -> None:
        """Exclude just these."""
        self._hashes = set(hashes)

    def add(self, hashed_id: str) -> None:
        """Exclude one more."""
        self._hashes.add(hashed_id)

    def includes(self, installation_id: str) -> bool:
        """Tell whether the events of an installation are dropped."""
        return hashed(installation_id) in self._hashes
