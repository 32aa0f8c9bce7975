"""The node that a data directory is, and those that it was before it was restored."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.operator_errors import DamagedError
from telemetry.storage.directory.node import ClusterNode, read_node, settle_node, write_node

DAY = "2026-11-24"
ENDS = st.lists(st.integers(0, 50), max_size=5)


def test_a_node_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "node.json"
    found = settle_node(path)

    assert settle_node(path) == read_node(path) == found
    assert [one.name for one in tmp_path.iterdir()] == ["node.json"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_damaged_file_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "node.json").write_text("{")
    with pytest.raises(DamagedError, match="copy that file from the newest backup"):
        settle_node(tmp_path / "node.json")
    assert (tmp_path / "node.json").read_text() == "{"


@given(ENDS)
def test_every_event_has_one_owner_however_often_a_directory_was_restored(ends: list[int]) -> None:
    node = ClusterNode("first", "first")
    # Which node has given an id out, told by hand: a restore forgets what came after the backup.
    owners: list[str] = []
    for end in ends:
        owners = [*owners[:end], *[node.node] * (end - len(owners))]
        node = node.successor({DAY: len(owners)})
    owners += [node.node] * 3

    spans = list(node.spans(DAY))
    assert [span.after for span in spans] == [0, *(span.last for span in spans[:-1])]
    found = [
        next(s.node for s in spans if s.last is None or event_id <= s.last) for event_id in range(1, len(owners) + 1)
    ]
    assert found == owners
    assert node.origin == "first"
    assert node.node in node.lineage


def test_days_that_a_copy_lacks_are_the_new_nodes(tmp_path: Path) -> None:
    first = settle_node(tmp_path / "node.json")
    second = first.successor({DAY: 10})
    write_node(tmp_path / "node.json", second)

    assert read_node(tmp_path / "node.json") == second
    assert [span.node for span in second.spans("2026-11-25")] == [second.node]
    assert [tuple(span) for span in second.spans(DAY)] == [(first.node, 0, 10), (second.node, 10, None)]
