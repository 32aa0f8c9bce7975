"""Old data that is imported after an installation was forgotten does not bring it back."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from telemetry.storage.erasure.exclusions import hashed
from telemetry.storage.sqlite.queries import query
from tests.storage.imports.test_import import import_d1, made_rows
from tests.support import oracle
from tests.support.commands import succeed
from tests.support.http import eventually
from tests.support.old_worker import INSTALLATION, make_old_database, old_event
from tests.support.server import serving

COUNTED = "SELECT * FROM daily_stats WHERE value != 0 ORDER BY date, metric"
UNFINISHED = "SELECT 1 FROM erasures WHERE finished_at IS NULL"


def test_who_was_forgotten_does_not_come_back_with_the_old_data(data_dir: Path, tmp_path: Path) -> None:
    path = make_old_database(tmp_path / "old.db", made_rows())
    import_d1(path, data_dir)
    before = oracle.read(data_dir / "telemetry.db", COUNTED)
    succeed("forget", INSTALLATION, "--data-dir", data_dir)

    for flags in (("--dry-run",), (), ()):
        again = import_d1(path, data_dir, *flags)
        assert (again["refused"], again["events"]["added"]) == ({"forgotten": 24}, 0)
        assert oracle.read(data_dir / "telemetry.db", COUNTED) == before
    assert INSTALLATION not in {event.installation_id for event in oracle.raw_events(data_dir)}
    assert "no problems found" in succeed("check", "--data-dir", data_dir)


def test_what_was_received_after_its_installation_was_forgotten_is_imported(data_dir: Path, tmp_path: Path) -> None:
    import_d1(make_old_database(tmp_path / "old.db", made_rows()), data_dir)
    succeed("forget", INSTALLATION, "--data-dir", data_dir)
    later = f"{datetime.now(UTC) + timedelta(minutes=1):%Y-%m-%d %H:%M:%S}"
    newer = make_old_database(tmp_path / "newer.db", [*made_rows(), old_event(121, later)])

    assert [import_d1(newer, data_dir)["events"]["added"] for _ in range(2)] == [1, 0]
    succeed("check", "--data-dir", data_dir)


def test_who_waits_to_be_forgotten_is_refused_like_one_who_was(data_dir: Path, tmp_path: Path) -> None:
    path = make_old_database(tmp_path / "old.db", made_rows())
    import_d1(path, data_dir)
    before = oracle.read(data_dir / "telemetry.db", COUNTED)
    with closing(sqlite3.connect(data_dir / "telemetry.db")) as aggregates, aggregates:
        requested = (hashed(INSTALLATION), "forget", f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}")
        aggregates.execute(query("request_erasure"), requested)

    assert import_d1(path, data_dir)["refused"] == {"forgotten": 24}
    with serving(data_dir) as server:
        eventually(lambda: oracle.read(data_dir / "telemetry.db", UNFINISHED) == [])
        assert server.stop() == 0
    assert import_d1(path, data_dir)["events"]["added"] == 0
    assert oracle.read(data_dir / "telemetry.db", COUNTED) == before
    assert "no problems found" in succeed("check", "--data-dir", data_dir)
