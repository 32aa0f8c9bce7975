"""The exclusions: installations whose events are acknowledged and dropped, known by the SHA-256 of their ids alone."""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256

# Exclusions are kept for ever, so their number is bounded.
EXCLUSIONS_MAX = 10_000
_REMEMBERED_MAX = 4_096


@lru_cache(maxsize=_REMEMBERED_MAX)
def hashed(installation_id: str) -> str:
    """Return the SHA-256 of an id; nothing else is kept of an id that was erased."""
    return sha256(installation_id.encode()).hexdigest()


class Exclusions:
    """A set of hashed ids. It is falsy when empty: the ids of a batch are hashed only if some are excluded."""

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
        """Exclude these installations and no others."""
        self._hashes = set(hashes)

    def add(self, hashed_id: str) -> None:
        """Exclude one more installation."""
        self._hashes.add(hashed_id)

    def includes(self, installation_id: str) -> bool:
        """Tell whether the events of an installation are dropped."""
        return hashed(installation_id) in self._hashes
