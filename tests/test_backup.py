"""A backup made beside a busy service restores to exact numbers, and an interrupted one is never taken for one."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from telemetry.storage.backup import back_up
from telemetry.storage.data_directory import DataDirectory
from tests.support import oracle
from tests.support.commands import run, succeed
from tests.support.events import Traffic, encode
from tests.support.load import Ledger, load
from tests.support.old_worker import EXPORT
from tests.support.server import COMMAND, serving
from tests.support.service import HandClock, service

UNITS = Path(__file__).parents[1] / "systemd"
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs the Debian package strace")
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs the Debian package systemd")


@pytest.fixture
def backups(tmp_path: Path) -> Path:
    """A folder of backups that does not exist yet."""
    return tmp_path / "backups"


@pytest.fixture
def imported(data_dir: Path) -> Path:
    """A data directory with one day of events, no service running."""
    succeed("import", "d1", EXPORT, "--data-dir", data_dir)
    long_ago = time.time() - 60
    for path in (data_dir / "telemetry.db", *data_dir.glob("events/*.db")):
        os.utime(path, (long_ago, long_ago))
    return data_dir


def backup(data_dir: Path, root: Path, *flags: str) -> Any:
    return json.loads(succeed("backup", root, "--data-dir", data_dir, "--json", *flags))


def replayed(data_dir: Path) -> list[oracle.Raw]:
    """Return the events after a start and a stop, the aggregates compared with them."""
    with serving(data_dir) as server:
        assert server.stop() == 0
    return oracle.check(data_dir)


def test_a_backup_beside_a_busy_service_restores_to_what_was_acknowledged_before_it(
    data_dir: Path, backups: Path, tmp_path: Path
) -> None:
    before, during = Ledger(), Ledger()
    with serving(data_dir, "--flush-interval-s", "0.05") as server:
        with load(server, before, seed=1):
            time.sleep(0.3)
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
    ended = subprocess.run(["bash", "-c", limited], capture_output=True, text=True, check=False)

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


def test_a_directory_without_data_is_not_backed_up(tmp_path: Path, backups: Path) -> None:
    refused = run("backup", backups, "--data-dir", tmp_path / "nothing")

    assert refused.returncode == 66
    assert not backups.exists()


def test_restore_refuses_a_directory_in_use_and_one_that_holds_something(data_dir: Path, backups: Path) -> None:
    with serving(data_dir) as server:
        server.post(encode(Traffic().batch(4)))
        backup(data_dir, backups)
        assert run("restore", backups, "--to", data_dir, "--force").returncode == 75
        server.post(encode(Traffic(seed=2).batch(3)))
        assert server.stop() == 0
    refused = run("restore", backups, "--to", data_dir)

    assert refused.returncode == 73
    assert "add --force" in refused.stderr
    printed = succeed("restore", backups, "--to", data_dir, "--force")
    (aside,) = data_dir.glob("before-restore-*")
    assert str(aside) in printed
    assert len(oracle.check(aside)) == 7
    assert len(replayed(data_dir)) == 4
    # Once more: what was set aside before stays where it is.
    succeed("restore", backups, "--data-dir", str(data_dir), "--force")
    assert len(list(data_dir.glob("before-restore-*"))) == 2
    assert len(replayed(data_dir)) == 4


@pytest.mark.parametrize("damage", ["flipped", "missing", "manifest", "newer", "escaping"])
def test_a_damaged_backup_is_refused_and_nothing_is_changed(imported: Path, backups: Path, damage: str) -> None:
    made = Path(backup(imported, backups)["backup"])
    segment, manifest = made / "events" / "2026-11-23.db", made / "backup.json"
    if damage == "flipped":
        content = bytearray(segment.read_bytes())
        content[40_000] ^= 1
        segment.write_bytes(content)
    elif damage == "missing":
        segment.unlink()
    elif damage == "manifest":
        manifest.write_text("{")
    elif damage == "newer":
        manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 2'))
    else:
        manifest.write_text(manifest.read_text().replace("events/2026-11-23.db", "../../outside.db"))

    refused = run("restore", made, "--to", imported, "--force")

    assert refused.returncode == 65
    assert not [path for path in imported.iterdir() if "restor" in path.name]
    assert len(oracle.check(imported)) == 302


@needs_strace
@pytest.mark.parametrize("call", [1, 2, 5, 7])
def test_a_restore_that_was_killed_keeps_the_directory_closed_until_it_is_repeated(
    imported: Path, backups: Path, call: int
) -> None:
    backup(imported, backups)
    prefix = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject=rename:signal=KILL:when={call}")

    killed = run("restore", backups, "--to", imported, "--force", prefix=prefix)

    assert killed.returncode == -signal.SIGKILL
    if call > 1:
        for command in ("check", "migrate"):
            refused = run(command, "--data-dir", imported)
            assert refused.returncode == 73
            assert "run `telemetry restore --force` again" in refused.stderr
    succeed("restore", backups, "--to", imported, "--force")
    assert len(oracle.check(imported)) == 302
    succeed("migrate", "--data-dir", imported)


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
