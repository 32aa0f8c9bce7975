"""Totals: what all installations contribute to the keys of a window's series. Most of it is in a database of their own.

In memory are what has been added lately, under at most ``_KEYS_MAX`` keys, and where keys lie.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping

from telemetry.published.folding import Leaf, Merged, Node, Path, pack
from telemetry.published.histograms import Amount
from telemetry.published.series import Series
from telemetry.published.tallies import Voice
from telemetry.storage.sqlite.queries import query

_KEYS_MAX = 10_000
_AMOUNTS_MAX = 10_000
_SEPARATOR = "\x1f"
_ABOVE_ALL = "\x1e"

_Key = tuple[int, str, str]


class Totals:
    """Adds contributions up by key; each installation counts once under a key and under each key above it."""

    def __init__(self, connection: sqlite3.Connection, series: list[Series], k: int) -> None:
        self._connection = connection
        self._series = series
        self._numbers = {one.name: number for number, one in enumerate(series)}
        self._k = k
        self._nodes: dict[_Key, list[int]] = {}
        self._members: dict[_Key, list[int]] = {}
        self._amounts: dict[tuple[_Key, str], list[int]] = {}
        self._paths: dict[tuple[int, Path], list[_Key]] = {}
        connection.executescript(query("create_totals"))

    def add(self, series: Series, voices: list[Voice], member: int) -> None:
        """Add the voices of an installation, known by its number alone."""
        number = self._numbers[series.name]
        if len(voices) == 1:
            ((path, observations, amounts),) = voices
            nodes = self._nodes_on(number, path)
            for node in nodes:
                self._count(node, observations, member)
            if amounts:
                for node in nodes if series.additive else nodes[-1:]:
                    self._sum(node, amounts)
        else:
            self._add_many(number, series.additive, voices, member)
        if len(self._nodes) > _KEYS_MAX or len(self._amounts) > _AMOUNTS_MAX:
            self.flush()

    def _add_many(self, number: int, additive: bool, voices: list[Voice], member: int) -> None:
        counted: dict[_Key, int] = {}
        amounts: dict[_Key, dict[str, int]] = {}
        for voice in voices:
            nodes = self._nodes_on(number, voice.path)
            for node in nodes:
                counted[node] = counted.get(node, 0) + voice.observations
            if voice.amounts:
                for node in nodes if additive else nodes[-1:]:
                    sums = amounts.setdefault(node, {})
                    for amount, value in voice.amounts.items():
                        sums[amount] = sums.get(amount, 0) + value
        for node, observations in counted.items():
            self._count(node, observations, member)
        for node, values in amounts.items():
            self._sum(node, values)

    def _nodes_on(self, number: int, path: Path) -> list[_Key]:
        """Return how a key and those above it are stored, the highest first."""
        nodes = self._paths.get((number, path))
        if nodes is None:
            if len(self._paths) >= _KEYS_MAX:
                self._paths.clear()
            nodes = [(number, *_split(path[:depth])) for depth in range(len(path) + 1)]
            self._paths[number, path] = nodes
        return nodes

    def _sum(self, node: _Key, amounts: Mapping[str, int]) -> None:
        for amount, value in amounts.items():
            found = self._amounts.get((node, amount))
            if found is None:
                self._amounts[node, amount] = [value, 1]
            else:
                found[0] += value
                found[1] += 1

    def flush(self) -> None:
        """Move what is in memory to the database."""
        nodes = (
            (*key, installations, observations, pack(self._members[key]) if installations < self._k else b"", self._k)
            for key, (installations, observations) in sorted(self._nodes.items())
        )
        self._connection.executemany(query("add_node"), nodes)
        amounts = ((*node, amount, *found) for (node, amount), found in sorted(self._amounts.items()))
        self._connection.executemany(query("add_amount"), amounts)
        self._nodes.clear()
        self._members.clear()
        self._amounts.clear()

    def root(self, series: Series) -> Node:
        """Return the key above all others of a series."""
        found = self._read_nodes(series, _ABOVE_ALL)
        return next(found, Node("", 0, 0))

    def children(self, series: Series, path: Path) -> Iterator[Node]:
        """Return the keys directly below a key, by label."""
        return self._read_nodes(series, _SEPARATOR.join(path))

    def amounts(self, series: Series, leaf: Leaf) -> list[Amount]:
        """Return the amounts of a leaf by name; what ``other`` has of them must be ``additive``."""
        number = self._numbers[series.name]
        if leaf.merged is None:
            rows = self._connection.execute(query("read_amounts"), (number, *_split(leaf.path)))
        elif leaf.merged.whole:
            rows = self._connection.execute(query("read_amounts"), (number, *_split(leaf.merged.parent)))
        else:
            rows = self._connection.execute(query("merge_amounts"), self._merging(number, leaf.merged))
        return [Amount(*row) for row in rows]

    def _merging(self, number: int, merged: Merged) -> tuple[int, str, str, int]:
        return number, _SEPARATOR.join(merged.parent), json.dumps(sorted(merged.joined)), self._k

    def _count(self, node: _Key, observations: int, member: int) -> None:
        found = self._nodes.get(node)
        if found is None:
            self._nodes[node] = [1, observations]
            self._members[node] = [member]
            return
        found[0] += 1
        found[1] += observations
        if found[0] < self._k:
            self._members[node].append(member)

    def _read_nodes(self, series: Series, parent: str) -> Iterator[Node]:
        number = self._numbers[series.name]
        return (Node(*row) for row in self._connection.execute(query("read_children"), (number, parent)))


def _split(path: Path) -> tuple[str, str]:
    """Return how a key is stored: the keys above it, and its label."""
    return (_SEPARATOR.join(path[:-1]), path[-1]) if path else (_ABOVE_ALL, "")
