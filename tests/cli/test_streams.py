"""Whatever standard output leads to, a command says what it has to say or why it cannot; never a traceback."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from telemetry.cli.output import progress as progress_module
from telemetry.cli.output.progress import progress
from tests.support.cli import fill, run_on_terminal
from tests.support.commands import run
from tests.support.processes import COMMAND

NOT_UTF8 = os.fsdecode(b"d\xff")


@pytest.fixture
async def filled(tmp_path: Path) -> Path:
    """A data directory with two days of events, whose name is not UTF-8."""
    data_dir = tmp_path / NOT_UTF8
    await fill(data_dir)
    return data_dir


def in_shell(line: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Run a shell's line with the command in $T."""
    environment = os.environ | {"T": str(COMMAND)} | variables
    return subprocess.run(["bash", "-c", line], capture_output=True, env=environment, check=False)


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_terminal_of_few_characters_gets_bars_and_names_in_those(filled: Path, encoding: str) -> None:
    shown = in_shell(f"$T stats --data-dir {filled}", PYTHONIOENCODING=encoding)

    assert (shown.returncode, shown.stderr) == (0, b"")
    assert shown.stdout.isascii()
    assert b"  ####" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "place", "reason"),
    [
        ("stats", "&-", "Bad file descriptor"),
        ("query 'SELECT * FROM daily_stats' --format csv", "/dev/full", "No space left on device"),
        ("--help", "/dev/full", "No space left on device"),
    ],
)
def test_standard_output_that_cannot_be_written_is_named(filled: Path, arguments: str, place: str, reason: str) -> None:
    ended = in_shell(f"exec $T {arguments} >{place}", TELEMETRY_DATA_DIR=str(filled))

    assert ended.returncode == 73
    assert ended.stderr.startswith(f"telemetry: cannot write to standard output ({reason}): ".encode())
    assert ended.stderr.count(b"\n") == 1


@pytest.mark.parametrize("place", ["&-", "/dev/full"])
def test_standard_error_that_cannot_be_written_changes_no_exit_code(filled: Path, place: str) -> None:
    assert in_shell(f"exec $T stats --data-dir {filled}/none 2>{place}").returncode == 66


def test_a_file_does_not_get_the_number_of_a_closed_standard_output(filled: Path, tmp_path: Path) -> None:
    ended = in_shell(f"exec $T export daily --output {tmp_path}/daily --data-dir {filled} <&- >&-")

    assert ended.returncode == 0
    assert b'"metric"' in (tmp_path / "daily").read_bytes().splitlines()[0]


def test_names_that_are_not_utf8_are_shown_as_the_bytes_that_they_are(filled: Path, tmp_path: Path) -> None:
    backups = os.fsencode(tmp_path / os.fsdecode(b"b\xfe"))
    made = in_shell(f"exec $T backup {os.fsdecode(backups)} --data-dir {filled}", LC_ALL="C.UTF-8")
    as_json = run("backup", os.fsdecode(backups), "--json", "--data-dir", filled)
    statement = run("query", os.fsdecode(b"SELECT '\xff'"), "--data-dir", filled)

    assert made.stdout.startswith(backups), made.stderr
    assert os.fsencode(json.loads(as_json.stdout)["backup"]).startswith(backups)
    assert (statement.returncode, "has bytes that are not UTF-8" in statement.stderr) == (2, True)


def test_a_dumb_terminal_gets_no_escapes(filled: Path, tmp_path: Path) -> None:
    commands: list[tuple[str | Path, ...]] = [("stats",), ("tail", "--no-follow"), ("backup", tmp_path / "backups")]
    for command in commands:
        shown = run_on_terminal(*command, "--data-dir", filled, TERM="dumb")
        assert shown
        assert not re.search(r"\x1b|\r(?!\n)|%", shown)


def test_progress_ends_at_all_and_comes_there_once(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(progress_module, "_INTERVAL_S", 0.0)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr("sys.stderr.write", shown.append)
    with progress("Copying", 200) as advance:
        for _ in range(5):
            advance(60)

    assert [part.rpartition("  ")[2].strip() for part in shown] == ["0%", "30%", "60%", "90%", "99%", "99%", "100%", ""]
    assert shown[-1] == "\n"
