"""How much is counted by name, and how much of it waits for a flush."""

from typing import NamedTuple


class CountingLimits(NamedTuple):
    """The settings ``daily_labels_max`` and ``flush_keys_max``."""

    daily_labels_max: int
    flush_keys_max: int
