"""The benchmark: what it says of a peer that is not there, and what follows from turns with and without readers."""

import json
from pathlib import Path

import pytest

from tests.bench.beside import Neighbours, Turn, compared
from tests.bench.corpus import FORGOTTEN_AFTER_EVENTS
from tests.bench.open_loop import Latencies
from tests.bench.peer import NODE_MIN, Peer, find_peer
from tests.bench.soak import corpora_needed

SEEN = Latencies(200, 200, 0, 1, 2, 3, 4)


def install(folder: Path, node_version: str) -> Path:
    packages = folder / "node_modules"
    node = packages / ".bin" / "node"
    node.parent.mkdir(parents=True)
    node.write_text(f"#!/bin/sh\necho {node_version}\n")
    node.chmod(0o755)
    (packages / "fastify").mkdir()
    (packages / "fastify" / "package.json").write_text(json.dumps({"version": "5.0.0"}))
    return folder


def test_a_peer_that_was_not_installed_is_left_out_with_a_sentence(tmp_path: Path) -> None:
    assert "was not measured" in str(find_peer(tmp_path))


@pytest.mark.parametrize("version", ["v20.20.2", "v22.12.0", "nonsense"])
def test_a_node_without_sqlite_is_left_out_with_its_version(tmp_path: Path, version: str) -> None:
    found = find_peer(install(tmp_path, version))
    assert isinstance(found, str)
    assert "needs Node.js 22.13" in found


def test_a_peer_that_is_installed_says_what_it_is_made_of(tmp_path: Path) -> None:
    found = find_peer(install(tmp_path, "v22.13.0"))
    assert isinstance(found, Peer)
    assert found.versions == {"Node.js": f"{NODE_MIN[0]}.{NODE_MIN[1]}.0", "Fastify": "5.0.0"}


def neighbours(without: float, share: float) -> Neighbours:
    """Return turns of which the one with readers has a share of the speed of those without."""
    return Neighbours(Turn(without, 1_000), Turn(share * without, share * 1_000), SEEN)


def test_the_ratio_of_readers_is_that_of_each_turn_so_that_a_machine_that_slows_down_does_not_change_it() -> None:
    slower_and_slower = [neighbours(speed, 0.9) for speed in (100_000.0, 50_000.0, 10_000.0)]
    without, beside, ratios, cpu_ratios = compared(slower_and_slower)
    assert (without, beside) == (50_000, 45_000)
    assert [ratios.low, ratios.median, ratios.high] == pytest.approx([0.9, 0.9, 0.9])
    assert cpu_ratios.median == pytest.approx(0.9)


def test_a_turn_that_something_else_disturbs_changes_neither_the_ratio_nor_its_quartiles() -> None:
    ratios = compared([neighbours(100_000.0, share) for share in [0.96] * 14 + [0.2]])[2]
    assert [ratios.low, ratios.median, ratios.high] == pytest.approx([0.96, 0.96, 0.96])


@pytest.mark.parametrize("events", [1, 1_000_000, FORGOTTEN_AFTER_EVENTS - 1, FORGOTTEN_AFTER_EVENTS])
def test_a_soak_sends_an_event_again_only_when_the_service_has_forgotten_it(events: int) -> None:
    needed = corpora_needed(events)
    assert needed * events >= FORGOTTEN_AFTER_EVENTS
    assert (needed - 1) * events < FORGOTTEN_AFTER_EVENTS
