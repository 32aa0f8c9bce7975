import asyncio
import csv
import io
import json
import shutil
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest

from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.log.reader import LogReader
from telemetry.storage.lookup.selecting import selecting
from telemetry.storage.sqlite.statements import StatementError
from tests.support import oracle
from tests.support.cli import DAYS, fill, rows, running_command, seal
from tests.support.commands import run
from tests.support.events import Traffic, encode
from tests.support.http import eventually
from tests.support.segments import PAGE_BYTES
from tests.support.server import serving

ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
needs_apsw = pytest.mark.skipif(find_spec("apsw") is None, reason="needs the extra query: apsw")
MANY_DAYS = tuple(str(date(2026, 11, 23) - timedelta(days=back)) for back in reversed(range(12)))


def answer(data_dir: Path, statement: str, *flags: str, **variables: str) -> list[dict[str, object]]:
    """Return the rows of a statement over all days."""
    printed = run("query", statement, "--json", "--from", "2026-01-01", "--data-dir", data_dir, *flags, **variables)
    assert (printed.returncode, printed.stderr) == (0, "")
    found: list[dict[str, object]] = json.loads(printed.stdout)
    return found


async def test_events_of_several_days_are_one_view_beside_the_aggregates(data_dir: Path) -> None:
    accepted = await fill(data_dir)
    seal(data_dir / "events" / f"{DAYS[0]}.db")

    found = answer(data_dir, "SELECT * FROM events ORDER BY day, id")
    joined = answer(
        data_dir,
        "SELECT date, value, count(*) AS events FROM daily_stats JOIN events ON day = date AND metric = 'version:0.9.1'"
        " AND drift_version = '0.9.1' GROUP BY date ORDER BY date",
    )

    assert [event["timestamp"] for event in found] == [event["timestamp"] for event in accepted]
    columns = ["day", "id", "type", "timestamp", "installation_id", "drift_version", "payload", "created_at"]
    assert list(found[0]) == columns
    assert [row["date"] for row in joined] == list(DAYS)
    assert [row["value"] for row in joined] == [row["events"] for row in joined]


async def test_only_the_days_asked_for_are_in_the_view(data_dir: Path) -> None:
    today = date.today()  # noqa: DTZ011 - a day off by one at midnight is within the range all the same
    days = [today - timedelta(days=back) for back in (20, 3, 1)]
    await fill(data_dir, tuple(map(str, days)), batches=1)
    statement = "SELECT count(DISTINCT day), min(day), max(day) FROM events"

    def seen(*flags: str) -> list[str]:
        printed = run("query", statement, "--format", "csv", "--data-dir", data_dir, *flags).stdout
        return printed.splitlines()[1].split(",")

    assert seen() == ["2", str(days[1]), str(days[2])]
    assert seen("--days", "30") == ["3", str(days[0]), str(days[2])]
    assert seen("--from", str(days[0]), "--to", str(days[1])) == ["2", str(days[0]), str(days[1])]
    assert seen("--from", str(today + timedelta(days=2))) == ["0", "", ""]


async def test_tables_are_aligned_and_say_when_there_is_more(data_dir: Path) -> None:
    await fill(data_dir, DAYS[1:], batches=1)
    arguments = ("--from", DAYS[1], "--data-dir", data_dir)

    table = run(
        "query", "SELECT id, type AS kind, NULL AS absent, x'ff' AS bytes, id * 2.5 AS number FROM events", *arguments
    )
    cut = run(
        "query", "SELECT id, hex(zeroblob(40)) AS long, 'a' || char(27) AS odd FROM events", "--limit", "2", *arguments
    )
    empty = run("query", "SELECT id, type FROM events WHERE false", *arguments)

    lines = table.stdout.splitlines()
    assert lines[0] == "id  kind               absent  bytes  number"
    assert lines[1] == "--  -----------------  ------  -----  ------"
    assert len(lines) == 7
    assert lines[2].startswith(" 1  ")
    assert lines[2].endswith("  ff        2.5")
    assert table.stderr == ""
    assert cut.stdout.splitlines()[2] == f" 1  {'0' * 59}…  a\ufffd"
    assert len(cut.stdout.splitlines()) == 4
    assert cut.stderr == "the first 2 rows; --limit 0 prints all, --format csv or json streams them\n"
    assert empty.stdout == "id  type\n--  ----\n"


async def test_csv_and_json_are_complete_and_exact(data_dir: Path) -> None:
    await fill(data_dir, DAYS[1:], batches=3)
    statement = "SELECT id, payload, id, NULL AS none, x'0aff' AS bytes, id / 4.0 AS share FROM events ORDER BY id"
    stored = rows(data_dir / "events" / f"{DAYS[1]}.db", "SELECT id, payload, id, id / 4.0 FROM events ORDER BY id")
    arguments = ("--limit", "1", "--from", DAYS[1], "--data-dir", data_dir)

    as_json = json.loads(run("query", statement, "--format", "json", *arguments).stdout)
    as_csv = list(csv.DictReader(io.StringIO(run("query", statement, "--format", "csv", *arguments).stdout)))

    assert [(row["id"], row["payload"], row["id_2"], row["share"]) for row in as_json] == stored
    assert {(row["none"], row["bytes"]) for row in as_json} == {(None, "0aff")}
    assert [(int(row["id"]), row["payload"], float(row["share"])) for row in as_csv] == [
        (event_id, payload, share) for event_id, payload, _, share in stored
    ]
    assert {(row["none"], row["bytes"]) for row in as_csv} == {("", "0aff")}
    assert json.loads(run("query", "SELECT 1 WHERE false", "--json", "--data-dir", data_dir).stdout) == []


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("DELETE FROM daily_stats", "it may only read"),
        ("UPDATE sqlite_master SET sql = ''", "may not be modified"),
        ("CREATE TEMP TABLE mine (a)", "it may only read"),
        ("ATTACH '/tmp/other.db' AS other", "it may only read"),
        ("DETACH '2026-11-23'", "it may only read"),
        ("PRAGMA journal_mode = DELETE", "it may only read"),
        ("PRAGMA query_only = 0", "it may only read"),
        ("BEGIN IMMEDIATE", "it may only read"),
        ("VACUUM", "it may only read"),
        ("SELECT load_extension('x')", "not authorized"),
        ("SELECT 1; SELECT 2", "one statement"),
        ("SELECT invented FROM events", "no such column"),
        ("SELECT ?", "binding"),
        ("SELEC", "syntax error"),
        ("", "selects nothing"),
    ],
)
@pytest.mark.parametrize(
    "days", [DAYS[1:], pytest.param(MANY_DAYS, marks=needs_apsw)], ids=["attached", "many attached"]
)
def test_a_statement_can_only_read(
    directories: dict[tuple[str, ...], Path], days: tuple[str, ...], statement: str, reason: str
) -> None:
    directory = DataDirectory(directories[days])

    with (
        pytest.raises(StatementError, match=f"(?i){reason}"),
        selecting(directory, days, statement, lambda: False) as answer,
    ):
        list(answer.rows)

    with selecting(directory, days, "SELECT value FROM json_each('[1]')", lambda: False) as answer:
        assert [tuple(row) for row in answer.rows] == [(1,)]
        assert answer.columns == ["value"]


@pytest.fixture(scope="module")
def directories(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], Path]:
    """Directories with a day of events, and with more days than SQLite attaches."""
    made = {days: tmp_path_factory.mktemp("query") / "data" for days in (DAYS[1:], MANY_DAYS)}
    for days, data_dir in made.items():
        asyncio.run(fill(data_dir, days, batches=1))
    return made


def test_what_cannot_be_answered_is_a_wrong_command_line(directories: dict[tuple[str, ...], Path]) -> None:
    failed = run("query", "DELETE FROM daily_stats", "--data-dir", directories[DAYS[1:]])

    assert (failed.returncode, failed.stdout) == (2, "")
    assert "the statement cannot be answered: it may only read" in failed.stderr


@needs_apsw
def test_more_days_than_sqlite_attaches_need_the_extra(
    directories: dict[tuple[str, ...], Path], tmp_path: Path
) -> None:
    data_dir = directories[MANY_DAYS]
    statement = "SELECT count(DISTINCT day) AS days, count(*) AS events FROM events"
    (tmp_path / "apsw.py").write_text("raise ImportError")

    failed = run("query", statement, "--from", MANY_DAYS[0], "--data-dir", data_dir, PYTHONPATH=str(tmp_path))

    assert failed.returncode == 69
    assert "have 12 segments, and this SQLite attaches 10 files at once" in failed.stderr
    assert "install the extra `query`" in failed.stderr
    assert answer(data_dir, statement) == [{"days": 12, "events": 60}]
    assert answer(data_dir, "SELECT day FROM events WHERE false") == []


@needs_apsw
def test_more_days_than_any_sqlite_attaches_are_refused(data_dir: Path, tmp_path: Path) -> None:
    asyncio.run(fill(data_dir, DAYS[1:], batches=1))
    for back in range(1, 130):
        segment = data_dir / "events" / f"{date(2026, 11, 23) - timedelta(days=back)}.db"
        shutil.copy(data_dir / "events" / f"{DAYS[1]}.db", segment)

    failed = run("query", "SELECT 1", "--from", "2026-01-01", "--data-dir", data_dir)

    assert failed.returncode == 69
    assert "this SQLite attaches 125 files at once: ask for fewer days" in failed.stderr


@pytest.mark.parametrize("days", [DAYS, pytest.param(MANY_DAYS, marks=needs_apsw)], ids=["attached", "many attached"])
async def test_damage_found_half_way_names_the_file(data_dir: Path, days: tuple[str, ...]) -> None:
    await fill(data_dir, days, batches=40)
    segment = data_dir / "events" / f"{days[1]}.db"
    content = bytearray(segment.read_bytes())
    content[PAGE_BYTES * 3 : PAGE_BYTES * 5] = b"\xff" * PAGE_BYTES * 2
    segment.write_bytes(content)

    failed = run("query", "SELECT sum(length(payload)) FROM events", "--from", days[0], "--data-dir", data_dir)

    assert failed.returncode == 65
    assert f"{segment} is damaged" in failed.stderr


@pytest.mark.parametrize(
    "days", [DAYS[1:], pytest.param(MANY_DAYS, marks=needs_apsw)], ids=["attached", "many attached"]
)
def test_a_statement_ends_when_its_time_is_up(directories: dict[tuple[str, ...], Path], days: tuple[str, ...]) -> None:
    arguments = ("query", ENDLESS, "--from", days[0], "--data-dir", directories[days])

    stopped = run(*arguments, "--timeout", "0.3")

    assert (stopped.returncode, stopped.stdout) == (124, "")
    assert stopped.stderr == "telemetry: stopped after 0.3 s: ask for fewer days, or raise --timeout\n"


@pytest.mark.parametrize(
    "days", [DAYS[1:], pytest.param(MANY_DAYS, marks=needs_apsw)], ids=["attached", "many attached"]
)
def test_ctrl_c_ends_a_statement(directories: dict[tuple[str, ...], Path], days: tuple[str, ...]) -> None:
    # It prints nothing until it ends, so that there is nothing to wait for but the file it has opened.
    data_dir = directories[days]
    with running_command("query", ENDLESS, "--from", days[0], "--data-dir", data_dir) as query:
        eventually(lambda: f"{days[-1]}.db" in query.open_files())
        assert query.interrupt() == 130


def test_a_statement_that_runs_for_long_delays_no_event(data_dir: Path) -> None:
    traffic = Traffic()
    with serving(data_dir, "--flush-interval-s", "0.1") as server:
        assert server.post(encode(traffic.batch(10))).status == 200
        endless = f"SELECT (SELECT count(*) FROM events), ({ENDLESS})"
        with running_command("query", endless, "--data-dir", data_dir) as query:
            eventually(lambda: query.open_files() >= {"telemetry.db-wal"})
            for _ in range(20):
                assert server.post(encode(traffic.batch(10))).status == 200
            eventually(lambda: server.request("GET", "/v1/stats").json["totalEvents"] == 210)
            assert query.interrupt() == 130
        assert server.stop() == 0
    oracle.check(data_dir)


async def test_a_segment_that_is_removed_just_now_is_passed_over(data_dir: Path) -> None:
    await fill(data_dir, batches=1)
    directory, statement = DataDirectory(data_dir), "SELECT count(*) FROM events"
    path = data_dir / "events" / f"{DAYS[0]}.db"
    found = LogReader.complete

    def removing(log: LogReader, day: str) -> bool:
        complete = found(log, day)
        path.unlink(missing_ok=True)
        return complete

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LogReader, "complete", removing)
        with selecting(directory, DAYS, statement, lambda: False) as answered:
            assert list(answered.rows) == [(5,)]
