"""Public numbers that an older version published stay as they are, and can be read and added to."""

import sqlite3
from contextlib import closing
from pathlib import Path

from telemetry.closing.job import throwaway
from telemetry.closing.publication import Draft, publish
from telemetry.published.approval import approval_of
from telemetry.published.closings import Closing
from telemetry.published.dashboard.overview import overview
from telemetry.published.dashboard.spans import Span
from telemetry.published.reading import reading_published
from telemetry.published.series import SERIES
from telemetry.published.windows import Period
from telemetry.web.api.answers import read_decisions, read_thresholds
from telemetry.web.api.questions import DecisionsQuestion, ThresholdsQuestion
from tests.support import oracle
from tests.support.publication import drop_added, write_publication


def write_older(path: Path) -> None:
    """Write a file without what versions since have added, and without another table."""
    write_publication(path)
    drop_added(path)
    with closing(sqlite3.connect(path)) as connection:
        for table in ("features", "automated_durations", "automated_duration_buckets", "automated_decisions"):
            connection.execute(f"DROP TABLE {table}")
        connection.commit()


def test_an_older_file_is_read_by_approve_alone(tmp_path: Path) -> None:
    path = tmp_path / "published.db"
    write_older(path)

    with reading_published(path) as numbers:
        assert numbers is not None
        assert {series.name for series in SERIES if not list(numbers.numbers(series.name))} > {"features"}
        assert list(numbers.details("automated_durations")) == []
        assert overview(numbers, Span.MONTH) is not None
        row, *_ = numbers.numbers("decisions")
        approved = approval_of([row])
        assert approved is not None
        assert approved.voices == row.installations
        assert approved.share == (row.amounts["approve"] or 0) / row.installations
        answer = read_decisions(numbers, DecisionsQuestion())
        assert all(one.judging_voices == one.voices > 0 for one in answer.rows)
        assert read_thresholds(numbers, ThresholdsQuestion()).rows


def test_a_publication_keeps_the_windows_of_an_older_file(tmp_path: Path) -> None:
    path = tmp_path / "published.db"
    write_older(path)
    rows = "SELECT window_start, category, step, installations, approve, approve_squares FROM decisions"
    before = oracle.read(path, rows)
    with closing(throwaway(tmp_path / "draft.db")) as connection:
        draft = Draft(connection, 5)
        draft.insert("features", ("2026-11-30", "watch", 9))
        draft.insert("features", (before[0][0], "watch", 9))
        draft.add_window(Closing(Period.FOUR_WEEKS, "2026-11-30", {}))
        draft.finish()
    publish(tmp_path / "draft.db", path, 5)

    assert oracle.read(path, rows) == before
    assert oracle.read(path, "SELECT DISTINCT judged, accepted, accepted_squares FROM decisions") == [(None,) * 3]
    # A window that is public stays without the new table's rows.
    assert oracle.read(path, "SELECT * FROM features") == [("2026-11-30", "watch", 9)]
    assert oracle.read(path, "SELECT count(*) FROM windows WHERE window_start = '2026-11-30'") == [(1,)]
