"""Sorting many items, a part at a time."""

from bisect import bisect
from collections.abc import Collection, Iterator
from itertools import islice
from typing import Any, TypeVar

_Item = TypeVar("_Item", bound=Any)

SORTED_AT_ONCE = 8_192
"""So many items are sorted within some milliseconds, in which other threads wait."""

# Items sampled for each part: so few are enough for parts of about the same size.
_DRAWN_PER_PART = 16


def in_order(items: Collection[_Item], part_items: int) -> Iterator[list[_Item]]:
    """Return all items in their order, in parts of about ``part_items``.

    Each part is sorted when its turn comes: no other thread runs while the interpreter sorts.
    """
    return map(sorted, sortable_ranges(items, part_items))


def sortable_ranges(items: Collection[_Item], part_items: int) -> list[list[_Item]]:
    """Put all items into ranges of about ``part_items``, in the order of the ranges and in any order within each."""
    if len(items) <= part_items:
        return [list(items)]
    drawn = sorted(islice(items, 0, None, max(1, part_items // _DRAWN_PER_PART)))
    bounds = drawn[_DRAWN_PER_PART::_DRAWN_PER_PART]
    ranges: list[list[_Item]] = [[] for _ in range(len(bounds) + 1)]
    for item in items:
        ranges[bisect(bounds, item)].append(item)
    return ranges
