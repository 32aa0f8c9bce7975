"""Signatures are stored by the numbers of their labels, and read as if they were not."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.counting.aggregates import SIGNATURE_COUNTS
from telemetry.storage.aggregates.row_statements import row_statement
from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from telemetry.storage.sqlite.queries import scripts
from tests.support import oracle
from tests.support.commands import run, succeed
from tests.support.events import Traffic, encode, make_event, timestamp
from tests.support.older import make_older
from tests.support.service import HandClock, service

VERSION_BEFORE = 18
LABELS = "SELECT language, rows FROM signature_labels ORDER BY 1, 2"
SHOWN = (
    "SELECT * FROM signature_counts ORDER BY 1, 2, 3, 4, 5",
    "SELECT * FROM pattern_signatures ORDER BY 1",
    "SELECT * FROM signature_counts_days ORDER BY 1",
)
_UPGRADE_AND_BE_KILLED = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.executescript("PRAGMA cache_size = 1; BEGIN IMMEDIATE;" + sys.stdin.read())
os.kill(os.getpid(), 9)
"""


async def left_before(data_dir: Path, tmp_path: Path) -> list[list[tuple[object, ...]]]:
    """Leave a day's events as the program before would have; return what it would have shown."""
    hand = HandClock()
    async with service(data_dir, hand) as started:
        for seed in range(3):
            await started.service.accept(encode(Traffic(seed, moment=hand.now).batch(100)))
    make_older(data_dir, VERSION_BEFORE, tmp_path / "newest.db")
    with closing(sqlite3.connect(data_dir / "telemetry.db")) as connection, connection:
        connection.execute("UPDATE signature_counts SET sent_by = '*' WHERE language = 'go'")
    return shown(data_dir)


def shown(data_dir: Path) -> list[list[tuple[object, ...]]]:
    return [oracle.read(data_dir / "telemetry.db", rows) for rows in SHOWN]


@pytest.mark.parametrize("killed", [False, True])
def test_an_upgrade_shows_what_was_there(data_dir: Path, tmp_path: Path, *, killed: bool) -> None:
    before = asyncio.run(left_before(data_dir, tmp_path))
    if killed:
        path, script = data_dir / "telemetry.db", scripts("aggregates")[VERSION_BEFORE]
        command = [sys.executable, "-c", _UPGRADE_AND_BE_KILLED, str(path)]
        ended = subprocess.run(command, input=script.encode(), check=False)
        assert ended.returncode == -signal.SIGKILL
        assert path.with_name("telemetry.db-wal").stat().st_size
        assert shown(data_dir) == before

    succeed("migrate", "--data-dir", data_dir)

    assert shown(data_dir) == before
    assert oracle.read(data_dir / "telemetry.db", "PRAGMA user_version") > [(VERSION_BEFORE,)]
    oracle.check(data_dir)
    succeed("check", "--full", "--data-dir", data_dir)


async def test_labels_leave_with_the_last_row_that_has_them(data_dir: Path) -> None:
    hand = HandClock()
    own = make_event("pattern_signature", language="cobol", timestamp=timestamp(hand.now))
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(Traffic(moment=hand.now).batch(50)))
        await started.service.accept(encode([own]))
        await started.publisher.flush()
        labels = oracle.read(data_dir / "telemetry.db", LABELS)
        await started.upkeep.eraser.erase(ErasureRequest(str(own["installationId"]), ErasureKind.EXCLUDE))
        left = oracle.read(data_dir / "telemetry.db", LABELS)

    assert [one for one in labels if one not in left] == [("cobol", 1)]
    oracle.check(data_dir, erased=True)


def test_a_signature_with_very_many_labels_is_found_by_their_number() -> None:
    key = ", ".join("?" for _ in SIGNATURE_COUNTS.keys)
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript("\n".join(scripts("aggregates")))
        connection.execute("ATTACH ':memory:' AS retiring")
        connection.execute(f"CREATE TABLE retiring.senders ({', '.join(SIGNATURE_COUNTS.keys)}, sender)")
        connection.create_function("sender_mark", 1, str)
        for statement, parameters in (
            (row_statement("find_known_rows", SIGNATURE_COUNTS), ["9999", 1, "hash", "go", "api", "ast"]),
            (row_statement("note_senders", SIGNATURE_COUNTS), ["2026-11-20", 1, 2_000]),
            (f"SELECT 1 FROM signature_counts WHERE ({', '.join(SIGNATURE_COUNTS.keys)}) = ({key})", [1, *"abcd"]),
        ):
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            searches = [step for step in plan if "counted_signatures" in step]
            assert searches
            assert all("labels=?" in step for step in searches), plan


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM signature_labels",
        "DELETE FROM signature_labels WHERE language = 'go'",
        "UPDATE signature_labels SET rows = rows - 1",
        "INSERT INTO signature_labels (language, category, detection_method) VALUES ('cobol', 'api', 'ast')",
        "INSERT INTO signature_labels (language, category, detection_method, rows) VALUES ('cobol', 'api', 'ast', 1)",
    ],
)
async def test_labels_that_are_damaged_are_found_and_repaired_at_once(data_dir: Path, damage: str) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(Traffic(moment=hand.now).batch(100)))
    before = [*shown(data_dir), oracle.read(data_dir / "telemetry.db", LABELS)]
    with closing(sqlite3.connect(data_dir / "telemetry.db")) as connection, connection:
        connection.execute(damage)

    assert run("check", "--full", "--data-dir", data_dir).returncode == 1
    succeed("repair", "--data-dir", data_dir)

    succeed("check", "--full", "--data-dir", data_dir)
    assert [*shown(data_dir), oracle.read(data_dir / "telemetry.db", LABELS)] == before


async def test_what_another_program_wrote_in_place_of_a_moment_ends_no_examination(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(Traffic(moment=hand.now).batch(100)))
    (segment,) = (data_dir / "events").glob("*.db")
    with closing(sqlite3.connect(segment)) as connection, connection:
        connection.execute("UPDATE events SET created_at = substr(created_at, 1, 17) || '0x' WHERE id % 2")

    succeed("repair", "--data-dir", data_dir)

    assert "differs from a recount" not in run("check", "--full", "--data-dir", data_dir).stdout
    seen = oracle.read(data_dir / "telemetry.db", "SELECT DISTINCT first_seen FROM signature_counts ORDER BY 1")
    assert seen == [("2026-11-23 00:00:00",), ("2026-11-23 12:00:00",)]


def test_an_upgrade_takes_over_what_is_no_moment(data_dir: Path, tmp_path: Path) -> None:
    asyncio.run(left_before(data_dir, tmp_path))
    with closing(sqlite3.connect(data_dir / "telemetry.db")) as connection, connection:
        connection.execute("UPDATE signature_counts SET first_seen = '2026-11-23 12:00:0x' WHERE language = 'go'")
        connection.execute("UPDATE signature_counts SET first_seen = 'garbage' WHERE language = 'python'")

    succeed("migrate", "--data-dir", data_dir)

    seen = "SELECT language, max(first_seen) FROM signature_counts WHERE language IN ('go', 'python') GROUP BY 1"
    assert oracle.read(data_dir / "telemetry.db", seen) == [
        ("go", "2026-11-23 00:00:00"),
        ("python", "1970-01-01 00:00:00"),
    ]
