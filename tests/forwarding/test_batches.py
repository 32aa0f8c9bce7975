"""Batches of events, as they go to a cluster."""

import gzip
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.cluster.text import from_line
from telemetry.forwarding import batches as module
from telemetry.forwarding.batches import batches, packed_ahead
from telemetry.operator_errors import NoDataError
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.node import ClusterNode, settle_node
from tests.support.oracle import read

DAY = "2026-11-23"


def rows_of(directory: DataDirectory, node: ClusterNode, after: int, last: int) -> list[list[bytes]]:
    made = list(packed_ahead(batches(directory, node, DAY, after, last)))
    rows = [from_line(line) for batch in made for line in gzip.decompress(batch.compressed).split(b"\n")[:-1]]
    assert sum(batch.events for batch in made) == len(rows)
    assert made[-1].last == last
    return rows


def stored(path: Path) -> list[list[bytes]]:
    columns = "id, created_at, type, timestamp, installation_id, drift_version, payload"
    return [[str(value).encode() for value in row] for row in read(path, f"SELECT {columns} FROM events ORDER BY id")]


@pytest.mark.parametrize("page", [7, 100, 5_000])
def test_batches_hold_every_event_once_as_it_is_stored(
    imported: Path, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAGE_EVENTS", page)
    monkeypatch.setattr(module, "BATCH_EVENTS_MAX", 50)
    directory = DataDirectory(imported)
    node = settle_node(directory.node)
    expected = stored(directory.segment(DAY))

    found = rows_of(directory, node, 0, len(expected))

    assert [row[2:] for row in found] == expected
    assert {(row[0], row[1]) for row in found} == {(DAY.encode(), node.node.encode())}
    assert rows_of(directory, node, 100, 200) == found[100:200]


def test_events_below_the_ids_of_a_backup_stay_those_of_the_node_before(imported: Path) -> None:
    directory = DataDirectory(imported)
    first = settle_node(directory.node)
    second = first.successor({DAY: 100})

    found = rows_of(directory, second, 40, 200)

    assert [row[1].decode() for row in found] == [first.node] * 60 + [second.node] * 100


def test_what_another_program_has_stored_does_not_end_a_line(imported: Path) -> None:
    directory = DataDirectory(imported)
    node = settle_node(directory.node)
    odd = 'tab\there "quoted" back\\slash\nline'
    with closing(sqlite3.connect(directory.segment(DAY))) as connection:
        connection.execute("UPDATE events SET payload = ?, type = ? WHERE id = 3", (odd, odd))
        connection.execute("UPDATE events SET created_at = 'yesterday', payload = NULL WHERE id = 4")
        connection.execute("UPDATE events SET drift_version = CAST(x'ff00ff' AS TEXT) WHERE id = 5")
        connection.commit()

    rows = rows_of(directory, node, 2, 5)

    assert rows[0][4] == rows[0][8] == odd.encode()
    assert (rows[1][3], rows[1][8]) == (f"{DAY} 00:00:00".encode(), b"{}")
    assert rows[2][7] == b"\xff\x00\xff"


def test_a_stretch_whose_events_were_erased_is_passed_over(imported: Path) -> None:
    directory = DataDirectory(imported)
    node = settle_node(directory.node)
    with closing(sqlite3.connect(directory.segment(DAY))) as connection:
        connection.execute("DELETE FROM events WHERE id BETWEEN 10 AND 20")
        connection.commit()

    (batch,) = batches(directory, node, DAY, 9, 20)

    assert (batch.events, batch.last) == (0, 20)


def test_a_segment_that_cannot_be_read_is_reported_after_what_could_be(imported: Path) -> None:
    directory = DataDirectory(imported)
    packed = packed_ahead(batches(directory, settle_node(directory.node), "2026-11-24", 0, 1))
    with pytest.raises(NoDataError):
        next(packed)
