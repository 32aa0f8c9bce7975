"""``telemetry segments`` on real directories, with and without a service."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support.commands import run
from tests.support.events import Traffic, encode
from tests.support.http import eventually
from tests.support.segments import make_segment, sealed_days, segment
from tests.support.server import serving

TODAY = datetime.now(UTC).date()
YESTERDAY = (TODAY - timedelta(days=1)).isoformat()


def test_segments_lists_a_live_directory_and_a_stopped_one_alike(data_dir: Path) -> None:
    assert run("migrate", "--data-dir", str(data_dir)).returncode == 0
    make_segment(segment(data_dir, YESTERDAY), 1_234)
    with serving(data_dir, "--flush-interval-s", "0.1") as server:
        server.post(encode(Traffic().batch(7)))
        eventually(lambda: sealed_days(data_dir) == [YESTERDAY])
        live = run("segments", "--data-dir", str(data_dir))
        assert server.stop() == 0
    stopped = run("segments", "--data-dir", str(data_dir))
    as_json = json.loads(run("segments", "--data-dir", str(data_dir), "--json").stdout)

    heading, *days, total = stopped.stdout.splitlines()
    assert heading.split() == ["day", "rows", "bytes", "watermark", "sealed"]
    assert [line.split()[:2] for line in days] == [[YESTERDAY, "1,234"], [as_json[1]["day"], "7"]]
    assert [line.split()[3:] for line in days] == [["1,234", *as_json[0]["sealed_at"].split()], ["7", "no"]]
    assert total.split() == ["total", "1,241", f"{sum(day['bytes'] for day in as_json):,}"]
    assert len({line.index("  ", len(line.split()[0])) for line in (heading, *days)}) <= 2
    assert [line.split()[:2] for line in live.stdout.splitlines()] == [
        line.split()[:2] for line in stopped.stdout.splitlines()
    ]
    assert [(day["rows"], day["watermark"]) for day in as_json] == [(1_234, 1_234), (7, 7)]
    assert as_json[0]["bytes"] == segment(data_dir, YESTERDAY).stat().st_size


def test_rows_of_a_segment_that_cannot_be_read_now_are_left_open(data_dir: Path) -> None:
    assert run("migrate", "--data-dir", str(data_dir)).returncode == 0
    make_segment(segment(data_dir, YESTERDAY), 10)
    with closing(sqlite3.connect(segment(data_dir, YESTERDAY), isolation_level=None)) as sealing:
        sealing.execute("PRAGMA journal_mode = DELETE")
        sealing.execute("BEGIN EXCLUSIVE")
        printed = run("segments", "--data-dir", str(data_dir))

    assert printed.stdout.splitlines()[1].split()[:2] == [YESTERDAY, "?"]


def test_a_directory_without_telemetry_is_a_clear_error(tmp_path: Path) -> None:
    failed = run("segments", "--data-dir", str(tmp_path))

    assert failed.returncode == 66
    assert "--data-dir" in failed.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_empty_directory_has_no_days(data_dir: Path) -> None:
    assert run("migrate", "--data-dir", str(data_dir)).returncode == 0

    assert run("segments", "--data-dir", str(data_dir), "--json").stdout == "[]\n"
    assert run("segments", "--data-dir", str(data_dir)).stdout.splitlines()[-1].split() == ["total", "0", "0"]
