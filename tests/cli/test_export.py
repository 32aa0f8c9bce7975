import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import DAYS, fill, rows, run_on_terminal, seal
from tests.support.commands import run
from tests.support.events import Traffic, encode
from tests.support.exports import ALL, QUERIES
from tests.support.http import eventually
from tests.support.processes import COMMAND
from tests.support.server import serving

_EVENTS = "id, type, timestamp, installation_id, drift_version, payload, created_at"
Rows = list[tuple[Any, ...]]


def expected(data_dir: Path, what: str, days: Sequence[str] = DAYS) -> Rows:
    if what != "events":
        return rows(data_dir / "telemetry.db", QUERIES[what])
    return [
        (day, *row)
        for day in days
        for row in rows(data_dir / "events" / f"{day}.db", f"SELECT {_EVENTS} FROM events ORDER BY id")
    ]


def exported(data_dir: Path, *arguments: str | Path) -> str:
    done = run("export", *arguments, "--data-dir", data_dir)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("what", ALL)
async def test_json_lines_and_csv_hold_every_row_in_order(data_dir: Path, what: str) -> None:
    await fill(data_dir)
    stored = expected(data_dir, what)

    lines = [json.loads(line) for line in exported(data_dir, what).splitlines()]
    table = list(csv.reader(io.StringIO(exported(data_dir, what, "--format", "csv"))))

    if what == "events":
        assert all(isinstance(line["payload"], dict) for line in lines)
        for line in lines:
            line["payload"] = json.dumps(line["payload"], separators=(",", ":"))
    assert [tuple(line.values()) for line in lines] == stored
    assert table[0] == list(lines[0])
    assert table[1:] == [[str(value) for value in row] for row in stored]


@pytest.mark.parametrize("what", ALL)
async def test_parquet_reads_back_equal_and_typed(data_dir: Path, tmp_path: Path, what: str) -> None:
    duckdb = pytest.importorskip("duckdb", reason="needs the extra test: duckdb")
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra parquet: pyarrow")
    await fill(data_dir)
    file = tmp_path / "exported.parquet"

    exported(data_dir, what, "--format", "parquet", "--output", file)
    table = parquet.read_table(file)
    with closing(duckdb.connect(":memory:")) as connection:
        # As text: DuckDB needs more packages to hand over a time with a zone.
        columns = ", ".join(
            f"CAST(CAST({name} AS TIMESTAMP) AS VARCHAR)" if str(kind).startswith("timestamp")
            else f"CAST({name} AS VARCHAR)" if str(kind).startswith("date") else name
            for name, kind in zip(table.schema.names, table.schema.types, strict=True)
        )  # fmt: skip
        by_duckdb = connection.execute(f"SELECT {columns} FROM '{file}'").fetchall()

    assert [tuple(map(_as_stored, row.values())) for row in table.to_pylist()] == expected(data_dir, what)
    assert by_duckdb == expected(data_dir, what)
    kinds = dict(zip(table.schema.names, map(str, table.schema.types), strict=True))
    for name, kind in kinds.items():
        assert (kind == "timestamp[ms, tz=UTC]") == (name in {"created_at", "updated_at"} or _is_moment(what, name))
        assert (kind == "double") == name.startswith("avg_")
        assert (kind == "int64") == (
            name in {"id", "occurrence_count", "count", "bulk_count", "value", "signature_format", "installations"}
        )


def _is_moment(what: str, name: str) -> bool:
    return what in {"signatures", "signature-counts"} and name in {"first_seen", "last_seen"}


def _as_stored(value: object) -> object:
    if isinstance(value, datetime):
        assert value.tzinfo is not None
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return value.isoformat() if isinstance(value, date) else value


async def test_days_select_what_is_exported(data_dir: Path) -> None:
    days = ("2026-11-20", *DAYS)
    await fill(data_dir, days)

    def days_of(what: str, column: str, *flags: str) -> set[str]:
        return {json.loads(line)[column][:10] for line in exported(data_dir, what, *flags).splitlines()}

    assert days_of("events", "day", "--from", "2026-11-21", "--to", DAYS[0]) == {DAYS[0]}
    assert days_of("daily", "date", "--from", DAYS[0]) == set(DAYS)
    for what, column in (("signatures", "last_seen"), ("installations", "last_seen"), ("actions", "updated_at")):
        all_days = days_of(what, column)
        assert days_of(what, column, "--to", "2026-11-20") == all_days & {"2026-11-20"}
        assert days_of(what, column, "--from", DAYS[1]) == all_days & {DAYS[1]}
    assert days_of("events", "day", "--from", "2027-01-01") == set()


async def test_into_a_folder_only_days_that_have_changed_are_written_again(data_dir: Path, tmp_path: Path) -> None:
    await fill(data_dir)
    folder = tmp_path / "out"
    command = ("export", "events", "--output", f"{folder}/", "--data-dir", data_dir)
    files = [folder / f"events-{day}.jsonl" for day in DAYS]

    first = run(*command)
    seal(data_dir / "events" / f"{DAYS[0]}.db")
    after_sealing = run(*command)
    files[0].write_text("kept")
    os.utime(files[0], ns=(0, (data_dir / "events" / f"{DAYS[0]}.db").stat().st_mtime_ns))
    files[1].unlink()
    resumed = run(*command)
    unchanged = run(*command)

    assert first.stderr == "2 days written, 0 unchanged\n"
    assert after_sealing.stderr == "1 day written, 1 unchanged\n"
    assert resumed.stderr == "1 day written, 1 unchanged\n"
    assert unchanged.stderr == "0 days written, 2 unchanged\n"
    assert sorted(folder.iterdir()) == files
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert files[0].read_text() == "kept"
    assert files[1].read_text() == exported(data_dir, "events", "--from", DAYS[1])


def test_todays_file_grows_with_the_day_while_the_service_runs(data_dir: Path, tmp_path: Path) -> None:
    traffic = Traffic()
    command = ("export", "events", "--output", tmp_path / "out/", "--data-dir", data_dir)
    (tmp_path / "out").mkdir()
    with serving(data_dir) as server:
        for posted in (10, 20):
            server.post(encode(traffic.batch(10)))
            assert run(*command).returncode == 0
            (file,) = (tmp_path / "out").iterdir()
            assert len(file.read_text().splitlines()) == posted


async def test_a_table_into_a_folder_or_a_file_replaces_what_was_there(data_dir: Path, tmp_path: Path) -> None:
    await fill(data_dir)
    (tmp_path / "daily.csv").write_text("old")

    in_folder = run("export", "daily", "--format", "csv", "--output", tmp_path, "--data-dir", data_dir)
    exported(data_dir, "daily", "--format", "csv", "--output", tmp_path / "file")

    assert in_folder.stderr == f"{len(expected(data_dir, 'daily'))} rows written\n"
    assert (tmp_path / "daily.csv").read_bytes() == (tmp_path / "file").read_bytes()


async def test_an_export_that_fails_leaves_the_file_that_was_there(data_dir: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra parquet: pyarrow")
    await fill(data_dir)
    with closing(sqlite3.connect(data_dir / "events" / f"{DAYS[1]}.db", isolation_level=None)) as connection:
        connection.execute("UPDATE events SET created_at = 'yesterday' WHERE id = 3")
    (tmp_path / "file").write_text("old")

    failed = run("export", "events", "--format", "parquet", "--output", tmp_path / "file", "--data-dir", data_dir)

    assert failed.returncode == 65
    assert "a value does not fit its column" in failed.stderr
    assert (tmp_path / "file").read_text() == "old"
    assert sorted(path.name for path in (tmp_path / "file").parent.iterdir()) == ["data", "file"]


async def test_payloads_of_other_programs_stay_within_their_line(data_dir: Path) -> None:
    await fill(data_dir, DAYS[1:], batches=1)
    payloads = ['{"a":\n1}', "no JSON", '{"number":1.50}']
    with closing(sqlite3.connect(data_dir / "events" / f"{DAYS[1]}.db", isolation_level=None)) as connection:
        for event_id, payload in enumerate(payloads, 1):
            connection.execute("UPDATE events SET payload = ? WHERE id = ?", (payload, event_id))

    lines = exported(data_dir, "events").splitlines()

    assert [json.loads(line)["payload"] for line in lines[:3]] == [{"a": 1}, "no JSON", {"number": 1.5}]
    assert '"payload":{"number":1.50}' in lines[2]
    assert len(lines) == 5


@pytest.mark.parametrize("output", ["absent/file", "data/telemetry.db/"])
async def test_an_output_that_cannot_be_written_is_a_clear_error(data_dir: Path, output: str) -> None:
    await fill(data_dir, DAYS[1:], batches=1)

    failed = run("export", "daily", "--output", f"{data_dir.parent}/{output}", "--data-dir", data_dir)

    assert failed.returncode == 73
    assert "choose another place with --output" in failed.stderr


async def test_parquet_says_what_it_needs(data_dir: Path, tmp_path: Path) -> None:
    await fill(data_dir, DAYS[1:], batches=1)
    (tmp_path / "pyarrow.py").write_text("raise ImportError")
    arguments = ("export", "daily", "--format", "parquet", "--data-dir", data_dir)

    missing = run(*arguments, PYTHONPATH=str(tmp_path))

    assert missing.returncode == 69
    assert "EXTRAS=parquet" in missing.stderr
    pytest.importorskip("pyarrow", reason="needs the extra parquet: pyarrow")
    assert "Parquet is not for terminals" in run_on_terminal(*arguments)


async def test_long_work_shows_its_progress_on_a_terminal(data_dir: Path, tmp_path: Path) -> None:
    await fill(data_dir)

    shown = run_on_terminal("export", "events", "--output", tmp_path / "file", "--data-dir", data_dir)

    assert "100%" in shown
    assert "60 rows written" in shown


def long_segment(data_dir: Path, events: int) -> None:
    """Make a directory with one segment of many events, all different."""
    assert run("migrate", "--data-dir", data_dir).returncode == 0
    segment = data_dir / "events" / f"{DAYS[0]}.db"
    schema = (Path(__file__).parents[2] / "sql" / "migrations" / "segment" / "0001_events.sql").read_text()
    with closing(sqlite3.connect(segment, isolation_level=None)) as connection:
        connection.executescript(f"PRAGMA synchronous = OFF; {schema} PRAGMA user_version = 1;")
        connection.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ?)"
            " INSERT INTO events (type, timestamp, installation_id, drift_version, payload, created_at)"
            " SELECT 'scan_completion', '2026-11-22T10:00:00.000Z', hex(randomblob(16)), '0.9.1',"
            " json_object('durationMs', i, 'padding', hex(randomblob(100))), '2026-11-22 10:00:00' FROM n",
            (events,),
        )


@pytest.mark.parametrize(("output", "code"), [("", 0), (f"events-{DAYS[0]}.jsonl", 66)], ids=["folder", "file"])
def test_what_was_there_stays_when_retention_removes_the_day_meanwhile(
    data_dir: Path, tmp_path: Path, output: str, code: int
) -> None:
    long_segment(data_dir, 200_000)
    file = tmp_path / "out" / f"events-{DAYS[0]}.jsonl"
    file.parent.mkdir()
    file.write_text("earlier")
    arguments = ("export", "events", "--output", file.parent / output, "--data-dir", data_dir)
    exporting = subprocess.Popen([COMMAND, *arguments], stderr=subprocess.PIPE, text=True)
    eventually(lambda: any(path.stat().st_size for path in file.parent.glob(".*.partial")))
    (data_dir / "events" / f"{DAYS[0]}.db").unlink()

    said = exporting.communicate(timeout=30)[1]
    assert (exporting.returncode, "retention" in said) == (code, True)
    assert [path.read_text() for path in file.parent.iterdir()] == ["earlier"]


# A process's peak includes that of the process that started it, which therefore has to be a small one.
_MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.mark.parametrize(
    "events", [100_000, pytest.param(10_000_000, marks=pytest.mark.large)], ids=["short", "ten million"]
)
def test_memory_does_not_grow_with_the_number_of_events(data_dir: Path, tmp_path: Path, events: int) -> None:
    long_segment(data_dir, events)
    pytest.importorskip("pyarrow", reason="needs the extra parquet: pyarrow")
    for form, kilobytes_max in (("jsonl", 90_000), ("parquet", 200_000)):
        arguments = ("export", "events", "--format", form, "--output", tmp_path / "file", "--data-dir", data_dir)
        measured = subprocess.run(
            [sys.executable, "-c", _MEASURE, COMMAND, *arguments], capture_output=True, text=True, check=True
        )

        assert measured.stderr == f"{events:,} rows written\n"
        assert int(measured.stdout) < kilobytes_max


def test_a_reader_that_has_enough_ends_the_export(data_dir: Path) -> None:
    long_segment(data_dir, 10_000)
    command = f"{COMMAND} export events --data-dir {data_dir} | head -1; exit ${{PIPESTATUS[0]}}"

    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30, check=False)

    assert ended.returncode == 1
    assert ended.stderr == ""
    assert json.loads(ended.stdout)["id"] == 1
