"""Which pairs of category and action are counted by name, so that strangers cannot grow the table without bound."""

from collections.abc import Iterable

PAIRS_MAX = 1_000
OVERFLOW_PAIR = ("other", "other")


class ActionPairs:
    """The first ``pairs_max`` pairs of category and action; all later ones are counted as ``OVERFLOW_PAIR``.

    Pairs are admitted in the order of the log, so a replay admits the same ones. They are admitted for good.
    """

    def __init__(self, *, pairs_max: int = PAIRS_MAX) -> None:
        self._pairs_max = pairs_max
        self._admitted = {OVERFLOW_PAIR}

    def restore(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Admit what the aggregates already count."""
        self._admitted.update(pairs)

    def counted_as(self, category: str, action: str) -> tuple[str, str]:
        """Return the pair that counts a decision."""
        pair = (category, action)
        if pair not in self._admitted:
            if len(self._admitted) > self._pairs_max:
                return OVERFLOW_PAIR
            self._admitted.add(pair)
        return pair
