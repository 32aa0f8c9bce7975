"""Folding: whatever the installations and their keys, no leaf is about fewer than k of them."""

from collections import defaultdict
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.published import folding
from telemetry.published.folding import Node, Path, fold, pack
from telemetry.published.histograms import Amount, fold_labels, fold_ordered

K = 5
Voices = set[tuple[int, Path]]

LABELS = st.sampled_from(["a", "b", "c", "d", "other"])
PATHS = st.tuples(LABELS, LABELS)
VOICES = st.sets(st.tuples(st.integers(0, 20), PATHS), max_size=80)
ONE_EACH = st.dictionaries(st.integers(0, 30), PATHS).map(lambda paths: set(paths.items()))


class Tree:
    """The keys of some installations, each with one observation."""

    def __init__(self, voices: Voices) -> None:
        self.below: dict[Path, set[int]] = defaultdict(set)
        self._observations: dict[Path, int] = defaultdict(int)
        for member, path in voices:
            for depth in range(len(path) + 1):
                self.below[path[:depth]].add(member)
                self._observations[path[:depth]] += 1

    def node(self, path: Path) -> Node:
        members = self.below[path]
        packed = pack(sorted(members)) if len(members) < K else b""
        return Node(path[-1] if path else "", len(members), self._observations[path], packed)

    def children(self, path: Path) -> Iterator[Node]:
        found = [other for other in self.below if other[:-1] == path and len(other) == len(path) + 1]
        return (self.node(other) for other in sorted(found))


@given(voices=VOICES)
def test_every_leaf_counts_k_installations_and_all_observations_are_in_one(voices: Voices) -> None:
    tree = Tree(voices)
    root = tree.node(())
    leaves = list(fold(root, tree.children, 2, K, exclusive=False))

    assert bool(leaves) == (root.installations >= K)
    assert len({leaf.path for leaf in leaves}) == len(leaves)
    for leaf in leaves:
        assert leaf.installations >= K
        if leaf.merged is None:
            assert leaf.installations == len(tree.below[leaf.path])
    if leaves:
        assert sum(leaf.observations for leaf in leaves) == len(voices)


@given(voices=ONE_EACH)
def test_leaves_add_up_to_all_installations_where_each_is_under_one_key(voices: Voices) -> None:
    tree = Tree(voices)
    leaves = list(fold(tree.node(()), tree.children, 2, K, exclusive=True))
    assert sum(leaf.installations for leaf in leaves) == (len(voices) if len(voices) >= K else 0)


def test_the_smallest_key_joins_an_other_of_few() -> None:
    voices: Voices = (
        {(n, ("large", "x")) for n in range(9)} | {(n, ("small", "x")) for n in range(20, 26)} | {(30, ("rare", "x"))}
    )
    tree = Tree(voices)
    leaves = {leaf.path: leaf.installations for leaf in fold(tree.node(()), tree.children, 2, K, exclusive=True)}
    assert leaves == {("large", "x"): 9, ("other", "other"): 7}


def test_an_installation_with_several_rare_keys_fills_no_other() -> None:
    voices: Voices = {(n, ("known", "x")) for n in range(9)} | {(1, (rare, "x")) for rare in "abcdefg"}
    tree = Tree(voices)
    (leaf,) = fold(tree.node(()), tree.children, 2, K, exclusive=False)
    assert (leaf.path, leaf.installations) == (("other", "other"), 9)


def test_only_the_largest_keys_have_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "CHILDREN_MAX", 2)
    voices: Voices = {(n * 10 + key, (f"key{key}", "x")) for key in range(4) for n in range(5 + key)}
    tree = Tree(voices)
    leaves = {leaf.path[0]: leaf.installations for leaf in fold(tree.node(()), tree.children, 2, K, exclusive=True)}
    assert leaves == {"key3": 8, "key2": 7, "other": 11}


AMOUNTS = st.lists(
    st.tuples(st.integers(0, 290), st.integers(1, 20), st.integers(1, 12)),
    min_size=1,
    max_size=30,
    unique_by=lambda a: a[0],
).map(lambda found: [Amount(str(label), value, min(value, count)) for label, value, count in found])


@given(amounts=AMOUNTS)
def test_buckets_of_few_join_others_and_nothing_is_lost(amounts: list[Amount]) -> None:
    folded = fold_ordered(amounts, K)
    assert sum(one.value for one in folded) == sum(one.value for one in amounts)
    assert [int(one.label) for one in folded] == sorted(int(one.label) for one in folded)
    assert len(folded) == 1 or all(one.installations >= K for one in folded)


@given(amounts=AMOUNTS)
def test_labels_of_few_join_other_and_nothing_is_lost(amounts: list[Amount]) -> None:
    folded = fold_labels(amounts, K)
    assert sum(one.value for one in folded) == sum(one.value for one in amounts)
    assert len(folded) == 1 or all(one.installations >= K for one in folded)
