"""A command writes where it was told to, and replaces nothing but a regular file."""

import json
import os
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from tests.support.cli import fill
from tests.support.commands import run, succeed
from tests.support.disks import needs_root
from tests.support.processes import COMMAND

pytestmark = pytest.mark.case(41)


@pytest.fixture
async def filled(data_dir: Path) -> Path:
    """A data directory with two days of events."""
    await fill(data_dir)
    return data_dir


def daily(data_dir: Path) -> str:
    return succeed("export", "daily", "--data-dir", data_dir)


def in_shell(line: str, data_dir: Path) -> subprocess.CompletedProcess[str]:
    """Run a shell's line in which $EXPORT exports the daily statistics."""
    export = f"{COMMAND} export daily --data-dir {data_dir} --output"
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, env=os.environ | {"EXPORT": export}, check=False
    )


def test_a_device_is_written_into_and_stays_one(filled: Path, tmp_path: Path) -> None:
    null = Path("/dev/null")
    if os.geteuid() == 0:
        # The device of a test's own: this host's would be gone if the test failed.
        null = tmp_path / "null"
        subprocess.run(["mknod", null, "c", "1", "3"], check=True)

    written = run("export", "daily", "--output", null, "--data-dir", filled)
    full = run("export", "daily", "--output", "/dev/full", "--data-dir", filled)

    assert (written.returncode, written.stderr) == (0, f"{daily(filled).count(chr(10))} rows written\n")
    assert stat.S_ISCHR(null.stat().st_mode)
    assert full.returncode == 73
    assert "cannot write to /dev/full (No space left on device): choose another place with --output" in full.stderr


@pytest.mark.parametrize("place", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "-"])
def test_standard_output_by_any_name_goes_on_where_it_is(filled: Path, tmp_path: Path, place: str) -> None:
    expected = daily(filled)
    file = tmp_path / "file"

    piped = in_shell(f"$EXPORT {place} | cat", filled)
    appended = in_shell(f"{{ echo before; $EXPORT {place}; echo after; }} > {file}", filled)

    assert piped.stdout == expected
    assert appended.returncode == 0
    assert file.read_text() == f"before\n{expected}after\n"


def test_another_descriptor_and_a_fifo_are_written_into(filled: Path, tmp_path: Path) -> None:
    expected, fifo = daily(filled), tmp_path / "fifo"
    os.mkfifo(fifo)

    numbered = in_shell(f"$EXPORT /dev/fd/7 7> {tmp_path}/file", filled)
    read = in_shell(f"cat {fifo} & $EXPORT {fifo}; wait", filled)
    closed = in_shell("$EXPORT /dev/fd/9", filled)

    assert numbered.returncode == 0
    assert (tmp_path / "file").read_text() == expected
    assert read.stdout == expected
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert closed.returncode == 73
    assert "choose another place with --output" in closed.stderr


def test_what_a_link_leads_to_is_replaced_and_the_link_stays(filled: Path, tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    other_name = tmp_path / "other name"
    other_name.hardlink_to(tmp_path / "target")
    for name, target in (("link", "target"), ("second", "link"), ("dangling", "made")):
        (tmp_path / name).symlink_to(target)

    for name in ("second", "dangling"):
        succeed("export", "daily", "--output", tmp_path / name, "--data-dir", filled)

    assert [(tmp_path / name).readlink().name for name in ("link", "second", "dangling")] == ["target", "link", "made"]
    assert (tmp_path / "target").read_text() == (tmp_path / "made").read_text() == daily(filled)
    assert other_name.read_text() == "old"


@needs_root
@pytest.mark.parametrize("arguments", [[], ["--output", "-"]])
def test_standard_output_works_from_a_folder_that_is_closed_to_the_user(tmp_path: Path, arguments: list[str]) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    # The user needs a way to the program and to the data, which temporary folders of pytest do not give.
    code = (
        "import os, sys; from pathlib import Path; from telemetry.cli.commands.export import _folder\n"
        "from telemetry.cli.output.destination import output\n"
        "os.chdir(sys.argv[1]); os.setgid(65534); os.setuid(65534)\n"
        "place = sys.argv[2] if sys.argv[2:] else '-'\nassert _folder(place) is None\n"
        "with output(place, '--output', inputs=[Path('/')]) as stream: stream.write(b'rows')"
    )

    command = [str(COMMAND.parent / "python"), "-c", code, str(closed), *arguments[1:]]
    # The user may not write what coverage writes at the end.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    ended = subprocess.run(command, capture_output=True, text=True, env=variables, check=False)

    assert (ended.stdout, ended.stderr) == ("rows", "")


@pytest.mark.parametrize("name", ["telemetry.db", "events/2026-11-22.db", "new", "../link/new"])
def test_an_output_among_the_data_is_refused(filled: Path, name: str) -> None:
    filled.with_name("link").symlink_to(filled / "events")
    before = {path: path.read_bytes() for path in filled.rglob("*.db")}

    refused = run("export", "events", "--output", f"{filled}/{name}", "--data-dir", filled)

    assert refused.returncode == 73
    assert "which is read: choose another place with --output" in refused.stderr
    assert before == {path: path.read_bytes() for path in filled.rglob("*.db")}
    assert not (filled / "new").exists()


def test_a_killed_export_leaves_what_was_there_and_the_next_removes_its_part(filled: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    kept = {"rows": "old", ".rows.partial": "of another program", ".rows.12345678.partial.txt": "the same"}
    for name, text in kept.items():
        (out / name).write_text(text)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    code = (
        "import sys; from telemetry.cli.output.destination import output\n"
        "with output(sys.argv[1], '--output') as stream:\n"
        "  stream.write(b'x' * 100_000); print('begun', flush=True); sys.stdin.read()"
    )
    python = [str(COMMAND.parent / "python"), "-c", code, str(out / "rows")]
    at_work = subprocess.Popen(python, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    killed = subprocess.Popen(python, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for process in (at_work, killed):
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert {path.name: path.read_text() for path in out.iterdir() if path.name in kept} == kept

    succeed("export", "daily", "--output", out / "rows", "--data-dir", filled)

    # Only the part of the one that is still at work is left.
    assert len(list(out.iterdir())) == len(kept) + 1
    assert (out / "rows").read_text() == daily(filled)
    at_work.communicate()
    assert sorted(path.name for path in out.iterdir()) == sorted(kept)
    assert (out / "rows").read_text() == "x" * 100_000


def test_lines_of_a_days_file_go_through_its_link(filled: Path, tmp_path: Path) -> None:
    folder = tmp_path / "days"
    folder.mkdir()
    (folder / "events-2026-11-22.jsonl").symlink_to(tmp_path / "elsewhere.jsonl")
    command = ("export", "events", "--output", folder, "--data-dir", filled)

    first, again = run(*command), run(*command)

    assert (first.stderr, again.stderr) == ("2 days written, 0 unchanged\n", "0 days written, 2 unchanged\n")
    assert (folder / "events-2026-11-22.jsonl").is_symlink()
    assert len([json.loads(line) for line in (tmp_path / "elsewhere.jsonl").read_text().splitlines()]) == 30
