"""What happens when as many installations are excluded as can be."""

import sqlite3
from contextlib import closing
from pathlib import Path

from telemetry.operator_errors import Exit
from telemetry.storage.erasure.exclusions import EXCLUSIONS_MAX
from tests.storage.erasure.test_erasing import VANDAL, of_vandal
from tests.support.commands import run, succeed
from tests.support.events import Traffic, encode, installation_id
from tests.support.server import serving


def exclude_as_many_as_can_be(data_dir: Path) -> None:
    """Exclude installations that have never sent anything, as many as the limit allows."""
    succeed("exclude", installation_id(1), "--data-dir", data_dir)
    with closing(sqlite3.connect(data_dir / "telemetry.db")) as aggregates, aggregates:
        aggregates.executemany(
            "INSERT INTO erasures (installation_sha256, kind, requested_at, counted_at, finished_at)"
            " VALUES (?, 'exclude', '2026-11-23 00:00:00', '2026-11-23 00:00:00', '2026-11-23 00:00:00')",
            [(f"{number:064x}",) for number in range(EXCLUSIONS_MAX - 1)],
        )


def test_beyond_the_limit_exclude_says_so_and_forget_still_erases(data_dir: Path) -> None:
    with serving(data_dir) as server:
        server.post(encode(of_vandal(Traffic(seed=1).batch(10))))
        assert server.stop() == 0
    exclude_as_many_as_can_be(data_dir)
    told = []
    with serving(data_dir) as server:
        told.append(run("exclude", VANDAL, "--data-dir", data_dir))
        told.append(run("exclude", VANDAL, "--dry-run", "--data-dir", data_dir))
        assert "10 events erased" in succeed("forget", VANDAL, "--data-dir", data_dir)
        # One that is excluded already needs no more room.
        succeed("exclude", installation_id(1), "--data-dir", data_dir)
        assert server.stop() == 0
    told.append(run("exclude", VANDAL, "--data-dir", data_dir))

    assert {ended.returncode for ended in told} == {Exit.LIMIT_REACHED}
    # The service's sentence is what the command says without one.
    (sentence,) = {ended.stderr.splitlines()[-1] for ended in told}
    assert sentence.startswith(f"telemetry: {EXCLUSIONS_MAX:,} installations are excluded, which is the limit: ")
    assert "telemetry forget" in sentence
