"""Events with their places in the log, and what the counters make of them."""

from collections import Counter
from typing import Any, NamedTuple

from hypothesis import strategies as st

from telemetry.counting.counters import Appended, Counters
from telemetry.counting.day_labels import DayLabels
from telemetry.counting.declaring import Aggregate
from tests.support.strategies import events_of

DAYS = ("2026-11-22", "2026-11-23", "2026-11-24")


class Placed(NamedTuple):
    """An event, its place in the log, and whether its installation is the one that is erased."""

    day: str
    id: int
    received_at: str
    is_erased: bool
    event: Any


def _placed(drawn: list[tuple[str, int, bool, Any]]) -> list[Placed]:
    last_ids: Counter[str] = Counter()
    placed = []
    for day, hour, is_erased, event in drawn:
        last_ids[day] += 1
        placed.append(Placed(day, last_ids[day], f"{day} {hour:02}:00:00", is_erased, event))
    return placed


def placed_events(aggregate: Aggregate, events_max: int = 8) -> st.SearchStrategy[list[Placed]]:
    """Return events that an aggregate counts, in the order of the log."""
    assert aggregate.event is not None
    event = st.tuples(st.sampled_from(DAYS), st.integers(0, 23), st.booleans(), events_of(aggregate.event))
    return st.lists(event, max_size=events_max).map(_placed)


def rows_of(aggregate: Aggregate, events: list[Placed]) -> dict[Any, Any]:
    """Return the rows that the counters make of events, by key."""
    counters = Counters(DayLabels(labels_max=1_000))
    for placed in events:
        counters.add(Appended(placed.day, placed.received_at, [placed.id], [placed.event]))
    return counters.drain().rows[aggregate.table]
