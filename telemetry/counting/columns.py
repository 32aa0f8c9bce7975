"""The kinds of columns that an aggregate can have. Each kind says what an event adds to a row.

What adding, subtracting, merging, keeping and comparing mean follows from the kind: ``compiling`` writes it in Python,
``storage.aggregates.row_statements`` in SQL.
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

ValueKind = Literal["text", "integer", "real", "day", "moment"]
"""How exports write a value. Days and moments are text in the database, in UTC."""


@dataclass(frozen=True)
class StoredColumn:
    """A stored column."""

    name: str
    _: KW_ONLY
    kind: ValueKind = "text"


@dataclass(frozen=True)
class Labelled(StoredColumn):
    """A column that holds a label of the event: its field ``of``, or the field with the column's name.

    ``by`` makes the label from the value of the field. An empty text counts as ``none``. If no single field has the
    label, the Python ``expression`` reads it from ``event``. ``sql`` reads the same label from ``payload``, if SQL can.
    If the labels are ``few``, rows share one copy of each: a million signatures have a dozen languages.
    """

    _: KW_ONLY
    of: str = ""
    by: Callable[[Any], str] | None = None
    expression: str = ""
    sql: str = ""
    few: bool = False

    @property
    def field(self) -> str:
        """The name of the event's field."""
        return self.of or self.name


class Key(Labelled):
    """One of the columns that name a row."""


@dataclass(frozen=True)
class Sum(StoredColumn):
    """The sum of the event's field ``of`` in units of 1/``unit``. Without a field, every event adds one.

    ``by`` makes the number to add from the value of the field. The number is cut to the range from ``least`` to
    ``most``, so that one event cannot make an average meaningless and no sum exceeds 64 bits.
    """

    _: KW_ONLY
    kind: ValueKind = "integer"
    of: str = ""
    unit: int = 1
    least: int | None = None
    most: int | None = None
    by: Callable[[Any], int] | None = None


@dataclass(frozen=True)
class Extreme(StoredColumn):
    """The least or the greatest of what ``by`` makes of the event's field ``of``."""

    _: KW_ONLY
    kind: ValueKind = "integer"
    of: str
    by: Callable[[Any], int]


class Least(Extreme):
    """The least value of any event."""


class Greatest(Extreme):
    """The greatest value of any event."""


@dataclass(frozen=True)
class Earliest(StoredColumn):
    """When the first event was received."""

    _: KW_ONLY
    kind: ValueKind = "moment"


@dataclass(frozen=True)
class Newest(StoredColumn):
    """When the last event was received."""

    _: KW_ONLY
    kind: ValueKind = "moment"


class Incomparable(StoredColumn):
    """A column that depends on more than the events, so that a recount may find another value."""


@dataclass(frozen=True)
class Computed:
    """A column with a number that SQLite computes."""

    name: str


@dataclass(frozen=True)
class Average(Computed):
    """The sum ``of``, kept in units of 1/``unit``, over the number of events."""

    of: str
    unit: int = 1
