"""Totals: what all installations contribute to the keys of a window's series. Most of it is in a database of their own.

In memory are the keys that have been added to lately, at most ``_KEYS_MAX`` and some, and their amounts.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter

import msgspec

from telemetry.published.folding import Leaf, Merged, Node, Path, pack
from telemetry.published.histograms import Amount
from telemetry.published.series import Series
from telemetry.published.tallies import Voice
from telemetry.storage.sqlite.queries import query

_KEYS_MAX = 10_000
_AMOUNTS_MAX = 20_000
_SEPARATOR = "\x1f"
_ABOVE_ALL = "\x1e"


class _Sum(msgspec.Struct, array_like=True, gc=False):
    """An amount of a key: of how many installations, and what was added to it last."""

    value: int = 0
    installations: int = 0
    last: int = -1


class _Key(msgspec.Struct, gc=False):
    """What has been added to a key: ``last`` says what the latest was, ``members`` are the first few installations."""

    installations: int = 0
    observations: int = 0
    last: int = -1
    members: list[int] = []
    amounts: dict[str, _Sum] = {}


class _Part:
    """What has been added to one series lately: its keys, and those on the way to each leaf, the highest first."""

    def __init__(self, number: int, *, additive: bool) -> None:
        self.number = number
        self.additive = additive
        self.keys: dict[Path, _Key] = {}
        self.ways: dict[Path, list[_Key]] = {}

    def way(self, path: Path) -> list[_Key]:
        """Return the keys on the way to a leaf, which has not been added to lately."""
        prefixes = [path[:depth] for depth in range(len(path) + 1)]
        way = self.ways[path] = [self.keys.get(one) or self.keys.setdefault(one, _Key()) for one in prefixes]
        return way


class Totals:
    """Adds contributions up by key; each installation counts once under a key and under each key above it."""

    def __init__(self, connection: sqlite3.Connection, series: list[Series], k: int) -> None:
        self._connection = connection
        self._parts = {one.name: _Part(number, additive=one.additive) for number, one in enumerate(series)}
        self._k = k
        self._amounts = 0
        self._added = 0
        connection.executescript(query("create_totals"))

    def add(self, series: str, voices: list[Voice], members: Sequence[int], installations: int = 1) -> None:
        """Add the voices that each of some installations has in the series; they are all that it has there.

        Installations are known by their numbers, of which fewer than the threshold must all be given.
        """
        part, k = self._parts[series], self._k
        self._added = added = self._added + 1
        for path, observations, amounts in voices:
            way = part.ways.get(path) or part.way(path)
            for key in way:
                key.observations += observations * installations
                if key.last != added:
                    key.last = added
                    key.installations += installations
                    if key.installations < k:
                        key.members.extend(members)
            if amounts:
                self._sum(way if part.additive else way[-1:], amounts, installations)
        if len(part.keys) > _KEYS_MAX or self._amounts > _AMOUNTS_MAX:
            self.flush()

    def _sum(self, keys: list[_Key], amounts: Mapping[str, int], installations: int) -> None:
        added = self._added
        for key in keys:
            sums = key.amounts
            for amount, value in amounts.items():
                found = sums.get(amount)
                if found is None:
                    sums[amount] = _Sum(value * installations, installations, added)
                    self._amounts += 1
                else:
                    found.value += value * installations
                    if found.last != added:
                        found.last = added
                        found.installations += installations

    def flush(self) -> None:
        """Move what is in memory to the database."""
        k = self._k
        for part in self._parts.values():
            named = (((part.number, *_split(path)), key) for path, key in part.keys.items())
            keys = sorted(named, key=itemgetter(0))
            nodes = (
                (*name, key.installations, key.observations, pack(key.members) if key.installations < k else b"", k)
                for name, key in keys
            )
            amounts = ((*name, _encode(key.amounts)) for name, key in keys if key.amounts)
            self._connection.executemany(query("add_node"), nodes)
            self._connection.executemany(query("add_amounts"), amounts)
            part.keys.clear()
            part.ways.clear()
        self._amounts = 0

    def finish(self) -> None:
        """Have everything that was added ready to be read."""
        self.flush()
        self._connection.execute("CREATE INDEX amounts_by_key ON amounts (series, parent, label)")

    def root(self, series: Series) -> Node:
        """Return the key above all others of a series."""
        found = self._read_nodes(series, _ABOVE_ALL)
        return next(found, Node("", 0, 0))

    def children(self, series: Series, path: Path) -> Iterator[Node]:
        """Return the keys directly below a key, by label."""
        return self._read_nodes(series, _SEPARATOR.join(path))

    def amounts(self, series: Series, leaf: Leaf) -> list[Amount]:
        """Return the amounts of a leaf by name; what ``other`` has of them must be ``additive``."""
        number = self._parts[series.name].number
        if leaf.merged is None:
            rows = self._connection.execute(query("read_amounts"), (number, *_split(leaf.path)))
        elif leaf.merged.whole:
            rows = self._connection.execute(query("read_amounts"), (number, *_split(leaf.merged.parent)))
        else:
            rows = self._connection.execute(query("merge_amounts"), self._merging(number, leaf.merged))
        found: dict[str, Amount] = {}
        for _, own in groupby(rows, itemgetter(0)):
            for amount in _added_up(own):
                found[amount.label] = found[amount.label].joined(amount) if amount.label in found else amount
        return sorted(found.values())

    def _merging(self, number: int, merged: Merged) -> tuple[int, str, str, int]:
        return number, _SEPARATOR.join(merged.parent), json.dumps(sorted(merged.joined)), self._k

    def _read_nodes(self, series: Series, parent: str) -> Iterator[Node]:
        number = self._parts[series.name].number
        return (Node(*row) for row in self._connection.execute(query("read_children"), (number, parent)))


def _split(path: Path) -> tuple[str, str]:
    """Return how a key is stored: the keys above it, and its label."""
    return (_SEPARATOR.join(path[:-1]), path[-1]) if path else (_ABOVE_ALL, "")


def _added_up(rows: Iterable[tuple[str, bytes]]) -> Iterator[Amount]:
    """Return the amounts of one key, which lie in the rows of several flushes."""
    sums: dict[str, _Sum] = {}
    for _, encoded in rows:
        for name, one in _decode(encoded).items():
            known = sums.setdefault(name, _Sum())
            known.value += one.value
            known.installations += one.installations
    return (Amount(name, one.value, one.installations) for name, one in sums.items())


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, _Sum]).decode
