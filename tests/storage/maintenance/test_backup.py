"""A backup made beside a busy service restores to exact numbers, and an interrupted one is never taken for one."""

import fcntl
import json
import os
import pty
import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.clock import Clock
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.maintenance.backup import back_up
from telemetry.storage.sqlite.copying import Progress, copy_database
from tests.support import oracle
from tests.support.backups import backup, replayed
from tests.support.commands import run, succeed
from tests.support.events import Traffic, encode
from tests.support.http import eventually
from tests.support.load import Ledger, load
from tests.support.processes import COMMAND
from tests.support.server import serving
from tests.support.service import HandClock, service

UNITS = Path(__file__).parents[3] / "systemd"
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs the Debian package strace")
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs the Debian package systemd")


def test_a_backup_beside_a_busy_service_restores_to_what_was_acknowledged_before_it(
    data_dir: Path, backups: Path, tmp_path: Path
) -> None:
    before, during = Ledger(), Ledger()
    with serving(data_dir, "--flush-interval-s", "0.05") as server:
        with load(server, before, seed=1):
            eventually(lambda: len(before.acknowledged) > 10)
        with load(server, during, seed=2):
            made = [backup(data_dir, backups) for _ in range(2)]
        assert server.stop() == 0

    for number, each in enumerate(made):
        target = tmp_path / f"restored-{number}"
        succeed("restore", each["backup"], "--to", target)
        assert replayed(target)
        before.check(target)
    assert len(before.acknowledged) > 10


async def test_a_backup_across_midnight_restores_to_exact_numbers(
    data_dir: Path, backups: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = HandClock("2026-11-23T23:59:59")
    traffic = Traffic(moment=hand.now)
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(traffic.batch(5)))
        await started.publisher.flush()
        shutil.copytree(data_dir, tmp_path / "early", ignore=shutil.ignore_patterns("*-shm", "lock"))
        hand.pass_time(2)
        await started.service.accept(encode(traffic.batch(5)))
        await started.publisher.flush()
        made = back_up(DataDirectory(data_dir), backups, hand.clock)
    # The aggregates may be as old as the beginning of the backup: the day had not begun then.
    shutil.copytree(made.folder, tmp_path / "mixed")
    for path in (tmp_path / "early").glob("telemetry.db*"):
        shutil.copy(path, tmp_path / "mixed")

    for image in (made.folder, tmp_path / "mixed"):
        async with service(image, hand):
            pass
        assert [event.day for event in oracle.check(image)] == ["2026-11-23"] * 5 + ["2026-11-24"] * 5


def test_what_has_not_changed_is_not_copied_again_and_what_has_is(imported: Path, backups: Path) -> None:
    first, second = backup(imported, backups), backup(imported, backups)
    segment = "events/2026-11-23.db"

    assert (first["copied"], second["copied"]) == (2, 0)
    assert (Path(first["backup"]) / segment).samefile(Path(second["backup"]) / segment)
    assert not (Path(first["backup"]) / segment).samefile(imported / segment)
    with closing(sqlite3.connect(imported / segment)) as connection:
        connection.execute("DELETE FROM events WHERE id = 7")
        connection.commit()
    third = backup(imported, backups)
    assert third["copied"] == 1
    assert len(oracle.read(Path(third["backup"]) / segment, "SELECT id FROM events")) == 301
    assert len(oracle.read(Path(first["backup"]) / segment, "SELECT id FROM events")) == 302


@pytest.mark.parametrize("damage", ["flipped", "missing", "manifest", "not even text"])
def test_what_has_become_of_the_last_backup_does_not_spoil_the_next(imported: Path, backups: Path, damage: str) -> None:
    first = Path(backup(imported, backups)["backup"])
    segment, manifest = first / "events" / "2026-11-23.db", first / "backup.json"
    if damage == "flipped":
        content = bytearray(segment.read_bytes())
        content[40_000] ^= 1
        status = segment.stat()
        segment.write_bytes(content)
        os.utime(segment, ns=(status.st_atime_ns, status.st_mtime_ns))
    elif damage == "missing":
        segment.unlink()
    else:
        manifest.write_bytes(b"{" if damage == "manifest" else b'{"format": 1, "made_at": "\xff"}')

    made = run("backup", backups, "--data-dir", imported, "--json")

    assert made.returncode == 0, made.stderr
    second = json.loads(made.stdout)
    assert second["copied"] == (1 if damage in {"flipped", "missing"} else 2)
    assert f"{manifest if second['copied'] == 2 else segment}" in made.stderr
    assert made.stderr.count("\n") == 1
    succeed("restore", second["backup"], "--to", backups.parent / "restored")


def test_events_that_are_in_the_wal_alone_are_backed_up_each_time(data_dir: Path, backups: Path) -> None:
    counts: list[int] = []
    with serving(data_dir) as server:
        for _ in range(2):
            assert server.post(encode(Traffic(seed=len(counts)).batch(3))).status == 200
            made = Path(backup(data_dir, backups)["backup"])
            counts.append(sum(len(oracle.read(path, "SELECT id FROM events")) for path in made.glob("events/*.db")))
    assert counts == [3, 6]


def test_only_the_newest_backups_are_kept(imported: Path, backups: Path) -> None:
    made = [backup(imported, backups, "--keep", "2") for _ in range(3)]

    assert sorted(path.name for path in backups.iterdir()) == [Path(each["backup"]).name for each in made[1:]]
    assert made[2]["removed"] == [Path(made[0]["backup"]).name]
    succeed("restore", made[2]["backup"], "--to", backups.parent / "restored")


def test_folders_and_files_are_readable_by_their_owner_only(imported: Path, backups: Path) -> None:
    backup(imported, backups)

    modes = {path.is_dir(): path.stat().st_mode & 0o777 for path in [backups, *backups.rglob("*")]}
    assert modes == {True: 0o700, False: 0o600}


@needs_strace
@pytest.mark.parametrize("call", ["pwrite64:signal=KILL:when=3", "fsync:signal=KILL:when=3", "rename:signal=KILL"])
def test_a_backup_that_was_killed_is_no_backup_and_the_next_removes_it(
    imported: Path, backups: Path, call: str
) -> None:
    prefix = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={call}")
    killed = run("backup", backups, "--data-dir", imported, prefix=prefix)
    refused = run("restore", backups, "--to", backups.parent / "restored")

    assert killed.returncode == -signal.SIGKILL
    assert [path.suffix for path in backups.iterdir()] == [".unfinished"]
    assert refused.returncode == 66
    assert "no complete backup" in refused.stderr
    made = backup(imported, backups)
    assert [path.name for path in backups.iterdir()] == [Path(made["backup"]).name]


def test_a_disk_that_is_full_leaves_nothing_behind_and_says_so(imported: Path, backups: Path) -> None:
    backups.mkdir()
    limited = f"ulimit -f 64; exec {COMMAND} backup {backups} --data-dir {imported}"
    # What coverage writes at the end would be cut off as well.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    ended = subprocess.run(["bash", "-c", limited], capture_output=True, text=True, env=variables, check=False)

    assert ended.returncode == 74
    assert ended.stderr.count("\n") == 1
    assert list(backups.iterdir()) == []


def test_a_damaged_segment_is_named_and_the_older_backups_stay(imported: Path, backups: Path) -> None:
    kept = backup(imported, backups)
    segment = imported / "events" / "2026-11-23.db"
    content = bytearray(segment.read_bytes())
    content[16_384 * 2 : 16_384 * 4] = b"\xff" * 16_384 * 2
    segment.write_bytes(content)

    failed = run("backup", backups, "--data-dir", imported)

    assert failed.returncode == 65
    assert "2026-11-23.db is damaged" in failed.stderr
    assert [path.name for path in backups.iterdir()] == [Path(kept["backup"]).name]


def test_two_backups_at_once_into_one_folder_are_refused(imported: Path, backups: Path) -> None:
    backups.mkdir()
    holding = os.open(backups, os.O_RDONLY)
    fcntl.flock(holding, fcntl.LOCK_EX)
    refused = run("backup", backups, "--data-dir", imported)
    os.close(holding)

    assert refused.returncode == 75
    assert "another backup" in refused.stderr


def test_a_day_that_begins_meanwhile_is_there_and_one_that_retention_removes_is_not(
    imported: Path, backups: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (old,) = (imported / "events").glob("*.db")

    def copy(source: Path, target: Path, on_bytes: Progress) -> None:
        if source.name == "telemetry.db":
            shutil.copy(old, old.with_stem("2026-11-24"))
        elif source == old:
            old.unlink()
        copy_database(source, target, on_bytes)

    monkeypatch.setattr("telemetry.storage.maintenance.filling.copy_database", copy)
    made = back_up(DataDirectory(imported), backups, Clock())
    assert [file.name for file in made.manifest.files] == [
        "telemetry.db",
        "events/2026-11-24.db",
        "id.key",
        "node.json",
    ]


def test_progress_is_shown_on_a_terminal_only(imported: Path, backups: Path) -> None:
    ours, theirs = pty.openpty()
    command = [str(COMMAND), "backup", str(backups), "--data-dir", str(imported)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, text=True, check=True)
    os.close(theirs)
    shown = os.read(ours, 65_536).decode()
    os.close(ours)

    assert "Backing up" in shown
    assert "100%" in shown
    assert ended.stdout.count("\n") == 2
    assert "4 files" in ended.stdout
    assert run("backup", backups, "--data-dir", imported).stderr == ""


def test_a_directory_without_data_is_not_backed_up(tmp_path: Path, backups: Path) -> None:
    refused = run("backup", backups, "--data-dir", tmp_path / "nothing")

    assert refused.returncode == 66
    assert not backups.exists()


@needs_systemd
def test_the_units_are_valid_and_confined(tmp_path: Path) -> None:
    for unit in UNITS.glob("drift-telemetry-backup@*"):
        # The program and its user are not installed where the tests run.
        text = unit.read_text().replace("/opt/drift-telemetry/current/bin/telemetry", "/bin/true")
        (tmp_path / unit.name).write_text(text.replace("User=drift-telemetry\n", "User=daemon\n"))
    instances = [str(tmp_path / f"drift-telemetry-backup@production.{kind}") for kind in ("service", "timer")]
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *instances], capture_output=True, text=True, check=False
    )
    exposure = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=13", UNITS / "drift-telemetry-backup@.service"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (verified.returncode, verified.stderr) == (0, "")
    assert exposure.returncode == 0, exposure.stdout[-400:]


def test_the_unit_runs_a_command_that_there_is(imported: Path, backups: Path) -> None:
    (line,) = [
        line for line in (UNITS / "drift-telemetry-backup@.service").read_text().splitlines() if "ExecStart=" in line
    ]
    arguments = line.replace("%S/drift-telemetry-backups/%i", str(backups)).split()[1:]

    succeed(*arguments, TELEMETRY_ENVIRONMENT="production", TELEMETRY_DATA_DIR=str(imported))
    assert len(list(backups.iterdir())) == 1
