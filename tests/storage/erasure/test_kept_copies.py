"""What upgrades have kept holds ids too, and goes with an erasure."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.commands import succeed


@pytest.mark.parametrize("kind", ["forget", "exclude"])
def test_no_copy_of_an_upgrade_outlives_an_erasure(imported: Path, kind: str) -> None:
    copies = [imported / "telemetry.db-schema-3", imported / "telemetry.db-newer"]
    for copy in copies:
        shutil.copy(imported / "telemetry.db", copy)
    with closing(sqlite3.connect(imported / "telemetry.db")) as connection:
        (installation,) = connection.execute("SELECT installation_id FROM installations LIMIT 1").fetchone()

    succeed(kind, installation, "--dry-run", "--data-dir", imported)
    assert all(copy.exists() for copy in copies)
    succeed(kind, installation, "--data-dir", imported)

    assert not any(copy.exists() for copy in copies)
