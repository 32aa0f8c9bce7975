"""Folding: keys that too few installations contributed to join others, so that no number is about fewer than k.

Children of a key with fewer than k installations join ``other``. If ``other`` then has fewer than k, the smallest child
that still has a name joins it, until ``other`` has k or no child has a name. A series of fewer than k installations is
withheld. So are cohorts that have fewer than k together: else three pipelines would take the name of everybody else.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from typing import NamedTuple

from telemetry.published.series import OTHER_LABEL

Path = tuple[str, ...]
CHILDREN_MAX = 2_000
"""Keys with a name below one key; the smallest beyond that join ``other`` too, which bounds the file."""


class Node(NamedTuple):
    """A key and all below it; ``members`` are the numbers of its installations while there are fewer than k."""

    label: str
    installations: int
    observations: int
    members: bytes = b""


class Leaf(NamedTuple):
    """What is published under a key. ``merged`` says what is in it if it is ``other``."""

    path: Path
    installations: int
    observations: int
    merged: "Merged | None" = None


class Merged(NamedTuple):
    """Which children of a parent are in ``other``: those with fewer than k installations, and those named here."""

    parent: Path
    joined: frozenset[str]
    whole: bool


def pack(numbers: Iterable[int]) -> bytes:
    """Return the numbers of installations as they are kept."""
    return array("I", numbers).tobytes()


class _Union:
    """How many different installations are in several keys, at least.

    Those of keys with fewer than k are counted one by one, others only as many as the largest of them has.
    """

    def __init__(self, *, exclusive: bool) -> None:
        self.any = False
        self._exclusive = exclusive
        self._bits = bytearray()
        self._largest = 0
        self._sum = 0

    def add(self, node: Node, k: int) -> None:
        self.any = True
        self._sum += node.installations
        if node.installations >= k:
            self._largest = max(self._largest, node.installations)
            return
        for number in array("I", node.members):
            place = number >> 3
            if place >= len(self._bits):
                self._bits.extend(bytes(place - len(self._bits) + 4_096))
            self._bits[place] |= 1 << (number & 7)

    def count(self) -> int:
        if self._exclusive:
            return self._sum
        return max(self._largest, int.from_bytes(self._bits, "little").bit_count())


class _Folded(NamedTuple):
    joined: frozenset[str]
    other: int
    whole: bool


def fold(
    root: Node,
    children: Callable[[Path], Iterable[Node]],
    levels: int,
    k: int,
    *,
    exclusive: bool,
    by_cohort: bool = False,
) -> Iterator[Leaf]:
    """Return the leaves of a series with this many levels; none if it is withheld.

    With ``by_cohort``, the first level has the cohorts. ``children`` returns the children of a key, in the same order
    each time; they need not be in memory together.
    """
    if root.installations >= k:
        yield from _fold((), root, children, levels, k, exclusive=exclusive, by_cohort=by_cohort)


def _fold(
    path: Path,
    parent: Node,
    children: Callable[[Path], Iterable[Node]],
    levels: int,
    k: int,
    *,
    exclusive: bool,
    by_cohort: bool = False,
) -> Iterator[Leaf]:
    folded = _decide(parent, children(path), k, exclusive=exclusive, withholds=by_cohort)
    left = parent.observations
    merged = 0
    for node in children(path):
        if not folded.whole and _is_named(node, k) and node.label not in folded.joined:
            below = (*path, node.label)
            if len(below) == levels:
                yield Leaf(below, node.installations, node.observations)
            else:
                yield from _fold(below, node, children, levels, k, exclusive=exclusive)
        else:
            merged += node.observations
    if folded.other:
        padded = (*path, *[OTHER_LABEL] * (levels - len(path)))
        observations = left if folded.whole else merged
        yield Leaf(padded, folded.other, observations, Merged(path, folded.joined, folded.whole))


def _is_named(node: Node, k: int) -> bool:
    return node.installations >= k and node.label != OTHER_LABEL


def _decide(parent: Node, children: Iterable[Node], k: int, *, exclusive: bool, withholds: bool = False) -> _Folded:
    other = _Union(exclusive=exclusive)
    # The largest ones, the smallest first.
    named: list[tuple[int, str]] = []
    joined: set[str] = set()
    for node in children:
        if not _is_named(node, k):
            other.add(node, k)
            continue
        heappush(named, (node.installations, node.label))
        if len(named) > CHILDREN_MAX:
            _join(other, joined, heappop(named), k)
    if withholds and other.any and other.count() < k and named:
        return _Folded(frozenset(joined), 0, whole=False)
    # One is enough: whatever has a name has k installations.
    if other.any and other.count() < k and named:
        _join(other, joined, heappop(named), k)
    if other.any and not named:
        return _Folded(frozenset(joined), parent.installations, whole=True)
    return _Folded(frozenset(joined), other.count() if other.any else 0, whole=False)


def _join(other: _Union, joined: set[str], smallest: tuple[int, str], k: int) -> None:
    installations, label = smallest
    other.add(Node(label, installations, 0), k)
    joined.add(label)
