"""The declaration of an aggregate: one table of ``telemetry.db``, its columns, and what it is called."""

from dataclasses import dataclass, replace
from functools import cached_property

from telemetry.catalogue.event import Event
from telemetry.counting.columns import (
    Average,
    Computed,
    Earliest,
    Extreme,
    Key,
    Labelled,
    Newest,
    StoredColumn,
    Sum,
    ValueKind,
)

OVERFLOW_NAME = "other"
# The column of a compact table with the number of a combination of labels.
LABELS = "labels"


@dataclass(frozen=True)
class Compact:
    """Rows in less room, for a table with millions of them.

    The rows are in ``table``, with moments as Unix seconds. In the place of the key columns ``labelled_by``, which have
    few combinations, it has the column ``labels``: the number of the combination in ``labels_table``. Rows are added in
    the order of the key column ``ordered_by``.
    """

    table: str
    labels_table: str
    labelled_by: tuple[str, ...]
    ordered_by: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Aggregate:
    """A table of sums. The first sum is the number of events that a row stands for.

    Rows are counted from events of the type ``event``, as the columns say. Without it, other code counts them.

    ``bounded`` are key columns. Their first ``names_max`` combinations have rows of their own; later ones count as
    ``other``. If ``bounded_apart`` names one of these columns, each of its values has its own bound: a sender of one
    value cannot use up the room of the others. If rows are ``bounded_by_day``, the number of new rows a day is bounded.
    Further new keys of the day are added to one row, whose texts in the key are ``other``.
    """

    table: str
    # What reports call a row, and many; ``plural`` is for nouns without an -s.
    noun: str
    plural: str = ""
    columns: tuple[StoredColumn, ...]
    averages: tuple[Average, ...] = ()
    computed: tuple[Computed, ...] = ()
    event: type[Event] | None = None
    bounded: tuple[str, ...] = ()
    names_max: int = 1_000
    bounded_by_day: bool = False
    bounded_apart: str = ""
    # What `telemetry export` calls the table, the columns that it writes, and the column that dates a row.
    export_name: str
    exported: tuple[str, ...]
    dated_by: str
    # How the rows are stored, if not as declared: then ``table`` is a view, which adds what is inserted to the rows.
    compact: Compact | None = None
    # Whether a row of zero means the same as no row.
    zero_is_no_row: bool = False
    # Whether reports may show single rows.
    shown: bool = True

    def names(self, *kinds: type[StoredColumn]) -> tuple[str, ...]:
        """Return the names of the columns of some kinds, in their order."""
        return tuple(column.name for column in self.columns if isinstance(column, kinds))

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The columns that name a row."""
        return self.names(Key)

    @cached_property
    def compared(self) -> tuple[str, ...]:
        """The columns beside the key that must equal those of a recount."""
        return self.names(Sum, Earliest, Newest, Extreme)

    @cached_property
    def sums(self) -> tuple[str, ...]:
        """The columns that events add to; the first is the number of events."""
        return self.names(Sum)

    @cached_property
    def count(self) -> str:
        """The column that says how many events a row stands for; empty if none does."""
        return next(iter(self.names(Sum)), "")

    @cached_property
    def labelled(self) -> dict[str, Labelled]:
        """The columns that hold labels of the events, by name."""
        return {column.name: column for column in self.columns if isinstance(column, Labelled)}

    @cached_property
    def kinds(self) -> dict[str, ValueKind]:
        """How each column is written by exports, those that SQLite computes included."""
        computed: dict[str, ValueKind] = {column.name: "real" for column in (*self.averages, *self.computed)}
        return {column.name: column.kind for column in self.columns} | computed

    @cached_property
    def overflow(self) -> tuple[str, ...]:
        """The values of the bounded columns in the rows that count all others."""
        return (OVERFLOW_NAME,) * len(self.bounded)

    @cached_property
    def overflow_key(self) -> dict[str, str]:
        """The texts in the key of the row that counts the keys that were not admitted on their day."""
        return {
            column.name: OVERFLOW_NAME for column in self.columns if isinstance(column, Key) and column.kind == "text"
        }

    @cached_property
    def removed(self) -> "Aggregate":
        """The table of what forgotten events have added."""
        return replace(self, table=f"removed_{self.table}", compact=None)

    @cached_property
    def stored(self) -> "Aggregate":
        """The table that holds the rows: this one, or the compact one."""
        if self.compact is None:
            return self
        numbered = dict.fromkeys(self.compact.labelled_by, Key(LABELS, kind="integer"))
        columns = (
            replace(column, kind="integer") if column.kind == "moment" else numbered.get(column.name, column)
            for column in self.columns
        )
        return replace(self, table=self.compact.table, columns=tuple(dict.fromkeys(columns)), compact=None)

    @property
    def order(self) -> tuple[str, ...]:
        """The columns in whose order rows are added."""
        return (self.compact.ordered_by,) if self.compact else self.keys
