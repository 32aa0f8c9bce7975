"""Which names have rows of their own in an aggregate, so that strangers cannot grow its table without bound."""

from collections.abc import Iterable

from telemetry.counting.declaring import Aggregate

Name = tuple[str, ...]
"""The values of an aggregate's bounded columns in one row."""


class Names:
    """The first ``names_max`` names of an aggregate, by default its own bound; later ones count as its overflow.

    Names are admitted in the order of the log, so a replay admits the same ones. They are admitted for good.
    """

    def __init__(self, aggregate: Aggregate, *, names_max: int | None = None) -> None:
        self._names_max = aggregate.names_max if names_max is None else names_max
        self._overflow: Name = aggregate.overflow
        self._admitted = {self._overflow}

    def restore(self, names: Iterable[Name]) -> None:
        """Admit the names that the aggregate already counts."""
        self._admitted.update(names)

    def counted_as(self, *name: str) -> Name:
        """Return the name that counts an event."""
        if name not in self._admitted:
            if len(self._admitted) > self._names_max:
                return self._overflow
            self._admitted.add(name)
        return name
