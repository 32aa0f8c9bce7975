"""Sorting many items, a part at a time."""

from bisect import bisect
from collections.abc import Callable, Collection, Iterable, Iterator
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


def sortable_ranges(
    items: Collection[_Item], part_items: int, key: Callable[[_Item], Any] | None = None
) -> list[list[_Item]]:
    """Put all items into ranges of about ``part_items``, in the order of the ranges and in any order within each.

    The order is that of their ``key``, or their own.
    """
    if len(items) <= part_items:
        return [list(items)]
    drawn = sorted(_keys(islice(items, 0, None, max(1, part_items // _DRAWN_PER_PART)), key))
    bounds = drawn[_DRAWN_PER_PART::_DRAWN_PER_PART]
    ranges: list[list[_Item]] = [[] for _ in range(len(bounds) + 1)]
    for item, place in zip(items, _keys(items, key), strict=True):
        ranges[bisect(bounds, place)].append(item)
    return ranges


def _keys(items: Iterable[_Item], key: Callable[[_Item], Any] | None) -> Iterable[Any]:
    return items if key is None else map(key, items)
