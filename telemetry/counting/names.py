"""Which names have rows of their own in an aggregate, so that strangers cannot grow its table without bound."""

from collections.abc import Iterable

from telemetry.counting.declaring import Aggregate

Name = tuple[str, ...]
"""The values of an aggregate's bounded columns in one row."""


class Names:
    """The first ``names_max`` names of an aggregate, by default its own bound; later ones count as its overflow.

    Names are admitted in the order of the log, so a replay admits the same ones. They stay unless they are released.
    If the aggregate is ``bounded_apart``, ``names_max`` names are admitted for each value of that column.
    """

    def __init__(self, aggregate: Aggregate, *, names_max: int | None = None) -> None:
        self._names_max = aggregate.names_max if names_max is None else names_max
        self._overflow: Name = aggregate.overflow
        apart = aggregate.bounded_apart
        self._apart = slice(place := aggregate.bounded.index(apart), place + 1) if apart else slice(0)
        self._admitted: dict[Name, set[Name]] = {}

    def restore(self, names: Iterable[Name]) -> None:
        """Admit the names that the aggregate already counts."""
        for name in names:
            if name != self._overflow:
                self._of_same(name).add(name)

    def release(self, names: Iterable[Name]) -> None:
        """Free the places of names that no event counts under any more."""
        for name in names:
            self._of_same(name).discard(name)

    def counted_as(self, *name: str) -> Name:
        """Return the name that counts an event."""
        admitted = self._of_same(name)
        if name not in admitted and name != self._overflow:
            if len(admitted) >= self._names_max:
                return self._overflow
            admitted.add(name)
        return name

    def _of_same(self, name: Name) -> set[Name]:
        """Return the admitted names that share a bound with a name."""
        return self._admitted.setdefault(name[self._apart], set())
